# bench/*.c      -> handfast_bench, beside the command

file(GLOB bench CONFIGURE_DEPENDS bench/*.c)
if(bench AND TARGET handfast_os)
    objects_of(beside sim guard)
    add_executable(handfast_bench ${bench} ${beside})
    target_link_libraries(handfast_bench PRIVATE hf_flags handfast_os $<TARGET_NAME_IF_EXISTS:hf_app_deps> m)
    target_compile_definitions(handfast_bench PRIVATE _GNU_SOURCE=)
    set_target_properties(handfast_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_custom_target(bench DEPENDS handfast_bench)
endif()
