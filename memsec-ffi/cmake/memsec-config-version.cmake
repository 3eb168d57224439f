# The version is that of the header: there is one place to change it.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/memsec.h" _memsec_line
     REGEX "^#define MEMSEC_VERSION \"")
string(REGEX REPLACE ".*\"(.*)\"" "\\1" PACKAGE_VERSION "${_memsec_line}")
unset(_memsec_line)

# Until 1.0 a minor release may break what was; from 1.0 a major one may.
string(REGEX MATCH "^0\\.[0-9]+|^[0-9]+" _memsec_series "${PACKAGE_VERSION}")
string(REGEX MATCH "^0\\.[0-9]+|^[0-9]+" _memsec_wanted
       "${PACKAGE_FIND_VERSION}")
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
if(_memsec_series STREQUAL _memsec_wanted
   AND NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
unset(_memsec_series)
unset(_memsec_wanted)
