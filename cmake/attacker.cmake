# The attacker of `handfast lab`, beside the build and never installed: build/<preset>/tests/lab/attacker.

file(GLOB attacker CONFIGURE_DEPENDS tests/lab/*.c)
if(attacker)
    add_executable(attacker ${attacker})
    target_link_libraries(attacker PRIVATE hf_flags)
    target_compile_definitions(attacker PRIVATE _GNU_SOURCE=)
    set_target_properties(attacker PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/lab)
endif()
