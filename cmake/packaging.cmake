# What is installed beside the programs: man pages, completion, service, examples.

file(GLOB pages CONFIGURE_DEPENDS docs/man/*.scd)
find_program(SCDOC scdoc)
# The pages' date: the last change to one of them, so that two builds are the same.
execute_process(COMMAND git log -1 --format=%ct -- docs/man WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE pages_date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(DEFINED ENV{SOURCE_DATE_EPOCH})
    set(pages_date $ENV{SOURCE_DATE_EPOCH})
elseif(NOT pages_date)
    set(pages_date 0)
endif()
if(SCDOC AND pages)
    foreach(page IN LISTS pages)
        get_filename_component(name ${page} NAME)
        string(REGEX REPLACE "\\.scd$" "" name ${name})
        string(REGEX REPLACE "^.*\\.([0-9])$" "\\1" section ${name})
        set(built ${CMAKE_BINARY_DIR}/man/${name})
        add_custom_command(OUTPUT ${built}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
            COMMAND sh -c "SOURCE_DATE_EPOCH=${pages_date} '${SCDOC}' <'${page}' >'${built}.new' && mv '${built}.new' '${built}'"
            DEPENDS ${page} VERBATIM)
        list(APPEND man_pages ${built})
        install(FILES ${built} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endforeach()
    add_custom_target(man ALL DEPENDS ${man_pages})
endif()

install(FILES packaging/completion/handfast.bash RENAME handfast
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
foreach(pair "systemd:lib/systemd/system" "sysusers.d:lib/sysusers.d" "tmpfiles.d:lib/tmpfiles.d")
    string(REGEX REPLACE ":.*" "" from ${pair})
    string(REGEX REPLACE ".*:" "" to ${pair})
    if(EXISTS ${PROJECT_SOURCE_DIR}/packaging/${from})
        install(DIRECTORY packaging/${from}/ DESTINATION ${to})
    endif()
endforeach()
foreach(from examples prometheus grafana)
    if(EXISTS ${PROJECT_SOURCE_DIR}/packaging/${from})
        install(DIRECTORY packaging/${from}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/handfast/examples)
    endif()
endforeach()
install(FILES examples/echo.c DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libhandfast-dev/examples)
install(FILES docs/operating.md docs/security-of-the-guard.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/handfast OPTIONAL)
