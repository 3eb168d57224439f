# find_package(memsec) gives the target memsec::memsec. It is relative to where
# this file lies, so that a tree may be moved.
get_filename_component(_memsec_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.."
                       ABSOLUTE)
find_path(memsec_INCLUDE_DIR memsec.h HINTS "${_memsec_prefix}/include")
find_library(memsec_LIBRARY memsec HINTS "${_memsec_prefix}/lib")
unset(_memsec_prefix)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(memsec CONFIG_MODE
  REQUIRED_VARS memsec_LIBRARY memsec_INCLUDE_DIR)

if(memsec_FOUND AND NOT TARGET memsec::memsec)
  add_library(memsec::memsec UNKNOWN IMPORTED)
  set_target_properties(memsec::memsec PROPERTIES
    IMPORTED_LOCATION "${memsec_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${memsec_INCLUDE_DIR}")
endif()
mark_as_advanced(memsec_INCLUDE_DIR memsec_LIBRARY)
