# aphex_folder(NAME [USES folder...] [DEPS dep...] [PRIVATE_DEPS dep...])
#
# Makes the static library aphex_<NAME> from the folder's *.cpp and, with tests on, the program
# <NAME>_test from its *_test.cpp. USES names our own folders, so the link line is the
# architecture: a folder sees the headers and symbols of those it USES and of no other.
function(aphex_folder name)
  cmake_parse_arguments(arg "" "" "USES;DEPS;PRIVATE_DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  if(NOT sources)
    return()
  endif()
  add_library(aphex_${name} STATIC ${sources})
  target_include_directories(aphex_${name} PUBLIC
    "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}>"
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>")
  list(TRANSFORM arg_USES PREPEND aphex_)
  list(TRANSFORM arg_DEPS PREPEND dep_)
  list(TRANSFORM arg_PRIVATE_DEPS PREPEND dep_)
  target_link_libraries(aphex_${name}
    PUBLIC ${arg_USES} ${arg_DEPS}
    PRIVATE "$<BUILD_INTERFACE:aphex_compile>" ${arg_PRIVATE_DEPS})

  if(APHEX_BUILD_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_compile_definitions(${name}_test PRIVATE
      APHEX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name}_test PRIVATE
      aphex_${name} aphex_compile dep_gtest dep_rapidcheck)
    # The tests' own code need not be fast, and is a third of what is compiled.
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  endif()
endfunction()
