# Third-party libraries: one dep_<name> target each, with the least version that we have tested.
# Each is linked by one folder only (see src/CMakeLists.txt), which keeps its headers in one place.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(aphex_pkg_dependency name)
  pkg_check_modules(${name}_pc REQUIRED IMPORTED_TARGET ${ARGN})
  add_library(dep_${name} INTERFACE)
  target_link_libraries(dep_${name} INTERFACE PkgConfig::${name}_pc)
  # For the installed package, which has to find it again.
  set_property(GLOBAL PROPERTY aphex_pkg_modules_${name} "${ARGN}")
endfunction()

function(aphex_loaded_dependency name)
  pkg_check_modules(${name}_pc REQUIRED ${ARGN})
  add_library(dep_${name} INTERFACE)
  target_include_directories(dep_${name} SYSTEM INTERFACE ${${name}_pc_INCLUDE_DIRS})
  target_link_libraries(dep_${name} INTERFACE ${CMAKE_DL_LIBS})
endfunction()

aphex_pkg_dependency(yaml "yaml-0.1>=0.2.5")
# Its headers only: src/aws/curl_library.cpp loads it when the first request is made.
aphex_loaded_dependency(curl "libcurl>=7.88")
aphex_pkg_dependency(crypto "libcrypto>=3.0")
aphex_pkg_dependency(ssl "libssl>=3.0")
aphex_pkg_dependency(sqlite "sqlite3>=3.40")
# The same: src/store/archive_library.cpp loads it when the first archive is unpacked.
aphex_loaded_dependency(archive "libarchive>=3.6")
aphex_pkg_dependency(deflate "libdeflate>=1.14")
aphex_pkg_dependency(zlib "zlib>=1.2.13")
aphex_pkg_dependency(pugixml "pugixml>=1.13")

find_package(tl-expected 1.0 REQUIRED)
add_library(dep_expected INTERFACE)
target_link_libraries(dep_expected INTERFACE tl::expected)

find_package(nlohmann_json 3.11 REQUIRED)
add_library(dep_json INTERFACE)
target_link_libraries(dep_json INTERFACE nlohmann_json::nlohmann_json)

find_package(fmt 9.1 REQUIRED)
add_library(dep_fmt INTERFACE)
target_link_libraries(dep_fmt INTERFACE fmt::fmt)

find_package(CLI11 2.1 REQUIRED)
add_library(dep_cli11 INTERFACE)
target_link_libraries(dep_cli11 INTERFACE CLI11::CLI11)

# Asio and Beast: headers only.
find_package(Boost 1.81 REQUIRED)
add_library(dep_boost INTERFACE)
target_link_libraries(dep_boost INTERFACE Boost::headers)
target_compile_definitions(dep_boost INTERFACE BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_VISIBILITY)

find_path(APHEX_MUSTACHE_INCLUDE kainjow/mustache.hpp REQUIRED)
add_library(dep_mustache INTERFACE)
target_include_directories(dep_mustache SYSTEM INTERFACE "${APHEX_MUSTACHE_INCLUDE}")

add_library(dep_threads INTERFACE)
target_link_libraries(dep_threads INTERFACE Threads::Threads)

if(APHEX_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)
  add_library(dep_gtest INTERFACE)
  target_link_libraries(dep_gtest INTERFACE GTest::gtest_main GTest::gmock)
  find_package(rapidcheck REQUIRED)
  add_library(dep_rapidcheck INTERFACE)
  target_link_libraries(dep_rapidcheck INTERFACE rapidcheck)
endif()
if(APHEX_BUILD_BENCHMARKS)
  find_package(benchmark 1.7 REQUIRED)
  add_library(dep_benchmark INTERFACE)
  target_link_libraries(dep_benchmark INTERFACE benchmark::benchmark_main)
endif()
