# What a machine can keep, a machine keeps: layers, sizes, citations, format, waterline.

foreach(check tidy format headers freestanding syscalls)
    if(EXISTS ${PROJECT_SOURCE_DIR}/tools/${check})
        add_test(NAME repository/${check} COMMAND ${PROJECT_SOURCE_DIR}/tools/${check})
        set_tests_properties(repository/${check} PROPERTIES LABELS repository TIMEOUT 180 SKIP_RETURN_CODE 77)
    endif()
endforeach()
if(EXISTS ${PROJECT_SOURCE_DIR}/tools/tidy)
    add_test(NAME repository/tidy_self_test COMMAND ${PROJECT_SOURCE_DIR}/tools/tidy --self-test)
    set_tests_properties(repository/tidy_self_test PROPERTIES LABELS repository TIMEOUT 180 SKIP_RETURN_CODE 77)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/tools/mutants)
    add_test(NAME repository/mutants_self_test COMMAND ${PROJECT_SOURCE_DIR}/tools/mutants --self-test)
    set_tests_properties(repository/mutants_self_test PROPERTIES LABELS repository TIMEOUT 180)
endif()

# Instrumented objects call the sanitizer's runtime, so the waterline is shown on plain builds.
if(TARGET handfast AND EXISTS ${PROJECT_SOURCE_DIR}/tools/waterline AND NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
    add_test(NAME repository/waterline
        COMMAND ${PROJECT_SOURCE_DIR}/tools/waterline $<TARGET_FILE:handfast>)
    set_tests_properties(repository/waterline PROPERTIES LABELS repository TIMEOUT 180 SKIP_RETURN_CODE 77)
endif()

add_test(NAME repository/states COMMAND ${PROJECT_SOURCE_DIR}/tools/states --check)
set_tests_properties(repository/states PROPERTIES LABELS repository TIMEOUT 180)

if(TARGET handfast_cli)
    add_test(NAME repository/manual COMMAND ${PROJECT_SOURCE_DIR}/tools/manual $<TARGET_FILE:handfast_cli>)
    set_tests_properties(repository/manual PROPERTIES LABELS repository TIMEOUT 180)
endif()

# The alert rules speak when they should: by Prometheus's own tool, where it is installed (Debian: prometheus).
# Without it their form and their metrics are checked all the same (unit/control/metrics_named).
find_program(PROMTOOL promtool)
if(PROMTOOL)
    add_test(NAME repository/alerts COMMAND ${PROMTOOL} test rules ${PROJECT_SOURCE_DIR}/tests/alerts/alerts_test.yml)
    set_tests_properties(repository/alerts PROPERTIES LABELS repository TIMEOUT 180)
endif()

# Every counter is raised by some test: asked when those that raise them have run.
get_property(counting_tests GLOBAL PROPERTY COUNTING_TESTS)
get_property(counting_programs GLOBAL PROPERTY COUNTING_PROGRAMS)
if(counting_programs)
    add_test(NAME repository/counters
        COMMAND ${PROJECT_SOURCE_DIR}/tools/counters ${CMAKE_BINARY_DIR}/counters ${counting_programs})
    set_tests_properties(repository/counters PROPERTIES LABELS repository TIMEOUT 180 SKIP_RETURN_CODE 77
        DEPENDS "${counting_tests}")
endif()

# The story as a command, and its page in a browser.
if(TARGET handfast_cli)
    foreach(test command page)
        add_test(NAME story/${test} COMMAND ${PROJECT_SOURCE_DIR}/tests/story/${test}_test.py $<TARGET_FILE:handfast_cli>)
        set_tests_properties(story/${test} PROPERTIES LABELS story TIMEOUT 300 SKIP_RETURN_CODE 77)
    endforeach()
endif()

add_test(NAME repository/conformance COMMAND ${PROJECT_SOURCE_DIR}/tools/citations --check)
set_tests_properties(repository/conformance PROPERTIES LABELS repository TIMEOUT 180)

# The handshake, the gate and the close as a model, all of whose states are looked at. (docs/model.md)
add_test(NAME model/handshake
    COMMAND ${PROJECT_SOURCE_DIR}/tests/model/check ${CMAKE_BINARY_DIR}/model)
set_tests_properties(model/handshake PROPERTIES LABELS repository TIMEOUT 1800 SKIP_RETURN_CODE 77)
