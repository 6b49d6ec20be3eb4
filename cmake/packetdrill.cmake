# packetdrill_adapter.so: the stack as packetdrill's --so_filename mode wants it, and the scripts that run against it.

# For this machine only: packetdrill is one of its programs.
if(CMAKE_CROSSCOMPILING)
    return()
endif()

file(GLOB adapter_sources CONFIGURE_DEPENDS tests/packetdrill/*.c)
find_package(Threads REQUIRED)
add_library(packetdrill_adapter MODULE ${adapter_sources})
archives_of(adapter_archives ${CORE_LAYERS})
target_compile_definitions(packetdrill_adapter PRIVATE _GNU_SOURCE=)
target_link_libraries(packetdrill_adapter PRIVATE hf_flags ${adapter_archives} Threads::Threads)
target_sources(packetdrill_adapter PRIVATE tests/support/panic.c)
set_target_properties(packetdrill_adapter PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${TEST_BINARIES}/packetdrill)

test_program(packetdrill_watch packetdrill LAYERS ${CORE_LAYERS}
    SOURCES tests/packetdrill/unit/watch_test.c tests/packetdrill/watch.c tests/packetdrill/order.c)
add_test(NAME packetdrill/watch COMMAND packetdrill_watch)
set_tests_properties(packetdrill/watch PROPERTIES LABELS packetdrill TIMEOUT 60)

test_program(packetdrill_threads packetdrill LAYERS base wire SOURCES tests/packetdrill/unit/threads_test.c)
target_link_libraries(packetdrill_threads PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
if(NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
    add_test(NAME packetdrill/threads COMMAND packetdrill_threads)
    set_tests_properties(packetdrill/threads PROPERTIES LABELS packetdrill TIMEOUT 60
        ENVIRONMENT ADAPTER=$<TARGET_FILE:packetdrill_adapter>)
endif()

# A test a directory of scripts. PACKETDRILL=path in the environment runs them with the real one instead of our reader.
# Python cannot load what was made for a sanitizer.
if(NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
    set(run ${PROJECT_SOURCE_DIR}/tests/packetdrill/run.py --so $<TARGET_FILE:packetdrill_adapter>)
    file(GLOB areas CONFIGURE_DEPENDS LIST_DIRECTORIES true tests/packetdrill/scripts/*)
    foreach(area IN LISTS areas)
        get_filename_component(name ${area} NAME)
        add_test(NAME packetdrill/${name} COMMAND ${run} --exact ${area})
        set_tests_properties(packetdrill/${name} PROPERTIES LABELS packetdrill TIMEOUT 120)
    endforeach()
    add_test(NAME packetdrill/bad COMMAND ${run} --bad ${PROJECT_SOURCE_DIR}/tests/packetdrill/bad)
    set_tests_properties(packetdrill/bad PROPERTIES LABELS packetdrill TIMEOUT 120)
endif()
