# cmake --install and CPack: the program, what it needs at run time, and the library for C++
# programs (aphex::aphex).
# cpack packs what was built; it does not build tests and benchmarks first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(APHEX_DATA_DIR "${CMAKE_INSTALL_DATADIR}/aphex")

# --- the program ---------------------------------------------------------------------------------
if(TARGET aphex)
  install(TARGETS aphex RUNTIME COMPONENT program)
  install(DIRECTORY sandbox/ DESTINATION "${APHEX_DATA_DIR}/sandbox" COMPONENT program
    FILES_MATCHING PATTERN "*.py" PATTERN "*.cjs" PATTERN "requirements.*"
    PATTERN "__pycache__" EXCLUDE)
  install(FILES LICENSE CHANGELOG.md README.md
    DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT program OPTIONAL)
endif()

# `aphex serve` as a service of systemd (docs/operations.md).
install(FILES packaging/aphex.service DESTINATION lib/systemd/system COMPONENT program)
install(FILES packaging/aphex.sysusers DESTINATION lib/sysusers.d RENAME aphex.conf
  COMPONENT program)
install(FILES packaging/aphex-server.yaml packaging/aphex.logrotate
  DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples" COMPONENT program)
install(FILES docs/operations.md docs/server.md docs/branches.md
  DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT program OPTIONAL)

# What the pipeline's stack uploads as the code of its function; see docs/provider.md.
if(TARGET aphex_provider_zip)
  install(FILES "${PROJECT_BINARY_DIR}/share/aphex/provider/provider.zip"
    "${PROJECT_BINARY_DIR}/share/aphex/provider/provider.zip.sha256"
    DESTINATION "${APHEX_DATA_DIR}/provider" COMPONENT program)
endif()

# What all of it is made of, with the licences: aphex.cdx.json (CycloneDX) and licenses.txt. Asks
# dpkg, so that it is made where the libraries are packages of Debian.
find_program(APHEX_DPKG_QUERY dpkg-query)
if(TARGET aphex AND TARGET aphex_provider_zip AND APHEX_DPKG_QUERY AND NOT APHEX_SANITIZE)
  set(provider_zip "${PROJECT_BINARY_DIR}/share/aphex/provider/provider.zip")
  set(bill "${PROJECT_BINARY_DIR}/aphex.cdx.json" "${PROJECT_BINARY_DIR}/licenses.txt")
  add_custom_command(OUTPUT ${bill}
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/sbom" --program "$<TARGET_FILE:aphex>"
      --provider "${provider_zip}" --output "${PROJECT_BINARY_DIR}"
    DEPENDS aphex aphex_provider_zip "${provider_zip}" "${PROJECT_SOURCE_DIR}/scripts/sbom"
      "${PROJECT_SOURCE_DIR}/scripts/debian_packages.py"
      "${PROJECT_SOURCE_DIR}/sandbox/requirements.lock" "${PROJECT_SOURCE_DIR}/image/packages"
      "${PROJECT_SOURCE_DIR}/image/tools.lock" "${PROJECT_SOURCE_DIR}/image/Dockerfile"
    COMMENT "Listing what a release is made of" VERBATIM)
  add_custom_target(aphex_bill ALL DEPENDS ${bill})
  install(FILES ${bill} DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT program)
endif()

# Completions are what the program says they are.
if(TARGET aphex AND EXISTS "${PROJECT_SOURCE_DIR}/src/cli/completion.cpp"
   AND NOT APHEX_SANITIZE)
  set(completions "${PROJECT_BINARY_DIR}/completions")
  set(shells bash zsh fish)
  set(files aphex _aphex aphex.fish)
  set(directories bash-completion/completions zsh/vendor-completions fish/vendor_completions.d)
  foreach(shell file directory IN ZIP_LISTS shells files directories)
    set(output "${completions}/${shell}/${file}")
    add_custom_command(OUTPUT "${output}"
      COMMAND "${CMAKE_COMMAND}" -E make_directory "${completions}/${shell}"
      COMMAND aphex completion ${shell} > "${output}"
      DEPENDS aphex VERBATIM)
    list(APPEND outputs "${output}")
    install(FILES "${output}" DESTINATION "${CMAKE_INSTALL_DATADIR}/${directory}"
      COMPONENT program)
  endforeach()
  add_custom_target(aphex_completions ALL DEPENDS ${outputs})
endif()

# --- the library ---------------------------------------------------------------------------------
# What the public headers reach, and nothing else: a program that reads configurations should not
# need libcurl. A folder that joins the public API joins this list.
set(APHEX_PUBLIC_FOLDERS api pipeline argo synth cdk plan config doc os base)
set(APHEX_PUBLIC_DEPENDENCIES expected fmt crypto yaml json threads)

if(TARGET aphex_api)
  configure_file(include/aphex/version.hpp.in
    "${PROJECT_BINARY_DIR}/generated/aphex/version.hpp" @ONLY)
  # Reaches every folder that has the version in what it writes.
  target_include_directories(aphex_base
    PUBLIC "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>"
           "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  add_library(aphex_public INTERFACE)
  target_link_libraries(aphex_public INTERFACE aphex_api)
  # What the public headers are written in.
  target_compile_features(aphex_public INTERFACE cxx_std_20)
  set_target_properties(aphex_public PROPERTIES EXPORT_NAME aphex)
  add_library(aphex::aphex ALIAS aphex_public)

  set(exported aphex_public)
  foreach(folder ${APHEX_PUBLIC_FOLDERS})
    set_target_properties(aphex_${folder} PROPERTIES EXPORT_NAME ${folder})
    list(APPEND exported aphex_${folder})
  endforeach()
  foreach(dependency ${APHEX_PUBLIC_DEPENDENCIES})
    list(APPEND exported dep_${dependency})
    get_property(modules GLOBAL PROPERTY aphex_pkg_modules_${dependency})
    if(modules)
      string(APPEND APHEX_PKG_CONFIG_CALLS
        "pkg_check_modules(${dependency}_pc QUIET REQUIRED IMPORTED_TARGET \"${modules}\")\n")
    endif()
  endforeach()

  install(TARGETS ${exported} EXPORT aphexTargets ARCHIVE COMPONENT library)
  install(EXPORT aphexTargets NAMESPACE aphex:: COMPONENT library
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/aphex")
  install(DIRECTORY include/aphex "${PROJECT_BINARY_DIR}/generated/aphex"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT library FILES_MATCHING PATTERN "*.hpp")
  include(CMakePackageConfigHelpers)
  configure_package_config_file(cmake/aphexConfig.cmake.in
    "${PROJECT_BINARY_DIR}/aphexConfig.cmake"
    INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/aphex")
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/aphexConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
  install(FILES "${PROJECT_BINARY_DIR}/aphexConfig.cmake"
    "${PROJECT_BINARY_DIR}/aphexConfigVersion.cmake"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/aphex" COMPONENT library)
endif()

# --- what there is to build before --------------------------------------------------------------
# `cmake --build … --target aphex_installed`, without tests and benchmarks.
add_custom_target(aphex_installed)
foreach(target aphex aphex_provider_zip aphex_bill aphex_completions ${exported})
  if(TARGET ${target})
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
      add_dependencies(aphex_installed ${target})
    endif()
  endif()
endforeach()

# --- the package ---------------------------------------------------------------------------------
# Only the program: the static library is for those who build from source.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME aphex)
set(CPACK_PACKAGE_VENDOR "The Aphex authors")
set(CPACK_PACKAGE_CONTACT "The Aphex authors <aphex@example.com>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
# The libraries' packages are found by dpkg-shlibdeps; these are the programs that a run starts, and
# the libraries that are loaded on demand.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "bash, git, ca-certificates, libcurl4 (>= 7.88), libarchive13 (>= 3.6)")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/packaging/postinst;${PROJECT_SOURCE_DIR}/packaging/prerm;${PROJECT_SOURCE_DIR}/packaging/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "nodejs (>= 18), npm, python3 (>= 3.11), python3-venv")
include(CPack)
