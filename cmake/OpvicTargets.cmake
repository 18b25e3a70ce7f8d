# The four kinds of targets: a library of lib/ or proto, a service, a test, a fuzz target.

# opvic_library(NAME DEPS...): every .c file below this folder; headers are included as "<folder>/<file>.h".
function(opvic_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/lib ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARGN})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR}/lib ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${ARGN})
  endif()
endfunction()

# opvic_service(NAME DEPS...): the static core that tests link, and the program opvic-NAME around its main.c.
function(opvic_service name)
  opvic_library(${name}_core ${ARGN})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.c)
    add_executable(opvic-${name} main.c)
    target_link_libraries(opvic-${name} PRIVATE ${name}_core)
  endif()
endfunction()

# opvic_unit_tests(FOLDER LIBRARY): each test_*.c below tests/unit/FOLDER is one program and one ctest case.
function(opvic_unit_tests folder library)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/test_*.c)
  foreach(file IN LISTS files)
    get_filename_component(stem ${file} NAME_WE)
    string(REPLACE "/" "_" prefix ${folder})
    string(REPLACE "test_" "test_${prefix}_" target ${stem})
    add_executable(${target} ${file})
    target_link_libraries(${target} PRIVATE ${library} test_support)
    add_test(NAME unit.${folder}.${stem} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(unit.${folder}.${stem} PROPERTIES LABELS unit TIMEOUT 240)
  endforeach()
endfunction()
