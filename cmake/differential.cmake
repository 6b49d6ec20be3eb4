# Our side of tests/differential, beside the other tests: build/<preset>/tests/differential_ours.

if(HANDFAST_TESTS AND TARGET handfast_os AND EXISTS ${PROJECT_SOURCE_DIR}/tests/differential/ours.c)
    add_executable(differential_ours tests/differential/ours.c)
    target_link_libraries(differential_ours PRIVATE hf_flags handfast_os)
    set_target_properties(differential_ours PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endif()
