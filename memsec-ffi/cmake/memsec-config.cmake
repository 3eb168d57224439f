# find_package(memsec) gives the target memsec::memsec. It is relative to where
# this file lies, so that a tree may be moved.
get_filename_component(_memsec_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.."
                       ABSOLUTE)
find_path(memsec_INCLUDE_DIR memsec.h HINTS "${_memsec_prefix}/include")
find_library(memsec_LIBRARY memsec HINTS "${_memsec_prefix}/lib")
unset(_memsec_prefix)

if(NOT memsec_INCLUDE_DIR OR NOT memsec_LIBRARY)
  set(memsec_FOUND FALSE)
  set(memsec_NOT_FOUND_MESSAGE "memsec.h or libmemsec is not where this is")
elseif(NOT TARGET memsec::memsec)
  add_library(memsec::memsec UNKNOWN IMPORTED)
  set_target_properties(memsec::memsec PROPERTIES
    IMPORTED_LOCATION "${memsec_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${memsec_INCLUDE_DIR}")
endif()
mark_as_advanced(memsec_INCLUDE_DIR memsec_LIBRARY)
