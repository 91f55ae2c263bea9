# Headers, both libraries, the CMake package and the pkg-config file.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sigchld")

install(TARGETS sigchld sigchld_static EXPORT sigchldTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

# Until 1.0 a minor release may change anything.
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/sigchldConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/sigchldConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/sigchldConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(EXPORT sigchldTargets NAMESPACE sigchld:: DESTINATION "${package_dir}")
install(FILES
  "${PROJECT_BINARY_DIR}/sigchldConfig.cmake"
  "${PROJECT_BINARY_DIR}/sigchldConfigVersion.cmake"
  DESTINATION "${package_dir}")

# The file finds its prefix from where it lies, so that `cmake --install
# --prefix', chosen after all this was configured, is right too.
set(SIGCHLD_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(SIGCHLD_PC_LIBDIR "${CMAKE_INSTALL_FULL_LIBDIR}")
set(SIGCHLD_PC_INCLUDEDIR "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}"
    AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  file(RELATIVE_PATH up
    "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(SIGCHLD_PC_PREFIX "\${pcfiledir}/${up}")
  set(SIGCHLD_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(SIGCHLD_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/sigchld.pc.in"
  "${PROJECT_BINARY_DIR}/sigchld.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/sigchld.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# Each manual page into the section its name ends in; section 1 is the tool's.
set(sections 3 7)
if(SIGCHLD_TOOLS)
  list(APPEND sections 1)
endif()
foreach(section IN LISTS sections)
  file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/*.${section}"
    "${PROJECT_SOURCE_DIR}/docs/man/*.${section}")
  if(pages)
    install(FILES ${pages}
      DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
  endif()
endforeach()
