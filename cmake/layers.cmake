# One object library hf_<layer> a layer, and an archive of it (hf_<layer>_ar) for tests, so that a
# layer's unit tests build without the layers above it. A layer without sources is skipped.

foreach(layer IN LISTS CORE_LAYERS OS_LAYERS APP_LAYERS)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.c)
    if(NOT sources)
        continue()
    endif()
    # src/<layer>/page.html goes into the program as the text <layer>_page
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.html)
    foreach(page IN LISTS pages)
        get_filename_component(name ${page} NAME_WE)
        set(made ${CMAKE_BINARY_DIR}/embedded/${layer}_${name}.c)
        add_custom_command(OUTPUT ${made}
            COMMAND ${CMAKE_COMMAND} -DIN=${page} -DOUT=${made} -DNAME=${layer}_${name}
                -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
            DEPENDS ${page} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
        list(APPEND sources ${made})
    endforeach()
    if(layer IN_LIST APP_LAYERS AND NOT HANDFAST_APPS AND NOT (layer STREQUAL "sim" AND HANDFAST_TESTS))
        continue()
    endif()

    add_library(hf_${layer} OBJECT ${sources})
    target_link_libraries(hf_${layer} PRIVATE hf_flags)
    set_target_properties(hf_${layer} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    if(NOT layer IN_LIST CORE_LAYERS)
        target_compile_definitions(hf_${layer} PRIVATE _GNU_SOURCE=)
    endif()

    add_library(hf_${layer}_ar STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:hf_${layer}>)
    set_target_properties(hf_${layer}_ar PROPERTIES LINKER_LANGUAGE C)
endforeach()

# objects_of(OUT layer...): the objects of those layers that have any.
function(objects_of out)
    set(objects)
    foreach(layer IN LISTS ARGN)
        if(TARGET hf_${layer})
            list(APPEND objects $<TARGET_OBJECTS:hf_${layer}>)
        endif()
    endforeach()
    set(${out} ${objects} PARENT_SCOPE)
endfunction()

# archives_of(OUT layer...): their archives, to be linked as one group.
function(archives_of out)
    set(archives)
    foreach(layer IN LISTS ARGN)
        if(TARGET hf_${layer}_ar)
            list(APPEND archives hf_${layer}_ar)
        endif()
    endforeach()
    if(archives)
        set(archives -Wl,--start-group ${archives} -Wl,--end-group)
    endif()
    set(${out} ${archives} PARENT_SCOPE)
endfunction()
