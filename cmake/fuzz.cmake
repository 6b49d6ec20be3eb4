# tests/fuzz/x_fuzz.c   -> fuzz_x with libFuzzer (HANDFAST_FUZZ), and in every build replay_x, which ctest fuzz/x gives what lies
#                          in tests/fuzz/corpus/x. Helpers (*.c beside them not ending in _fuzz.c) go into each.

file(GLOB helpers CONFIGURE_DEPENDS tests/fuzz/*.c)
set(fuzzers ${helpers})
list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.c$")
list(FILTER helpers EXCLUDE REGEX "_fuzz\\.c$|/replay\\.c$")
set(fuzzers_of_apps audit blocks capture config control deny proxy session) # what needs more than the core and sim

if(helpers AND fuzzers)
    add_library(fuzz_helpers OBJECT ${helpers})
    target_link_libraries(fuzz_helpers PRIVATE hf_flags)
    target_compile_definitions(fuzz_helpers PRIVATE _GNU_SOURCE=)
    target_include_directories(fuzz_helpers PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    set(common $<TARGET_OBJECTS:fuzz_helpers>)
endif()

add_custom_target(fuzzers)
foreach(fuzzer IN LISTS fuzzers)
    get_filename_component(name ${fuzzer} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" short ${name})
    set(fuzz_layers ${CORE_LAYERS} ${OS_LAYERS} sim)
    if(short IN_LIST fuzzers_of_apps)
        if(NOT HANDFAST_APPS)
            continue()
        endif()
        list(APPEND fuzz_layers explain audit guard control)
    endif()
    if(HANDFAST_FUZZ)
        test_program(fuzz_${short} fuzz LAYERS ${fuzz_layers} SOURCES ${fuzzer} ${common})
        target_link_options(fuzz_${short} PRIVATE -fsanitize=fuzzer)
        add_dependencies(fuzzers fuzz_${short})
    else()
        test_program(replay_${short} fuzz LAYERS ${fuzz_layers} SOURCES ${fuzzer} tests/fuzz/replay.c
            ${common})
        add_test(NAME fuzz/${short} COMMAND replay_${short} tests/fuzz/corpus/${short}
            WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
        set_tests_properties(fuzz/${short} PROPERTIES LABELS fuzz TIMEOUT 60)
    endif()
endforeach()
