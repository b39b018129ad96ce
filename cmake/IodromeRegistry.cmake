# SPDX-License-Identifier: Apache-2.0
# Writes the registry of designs from the folder names under model/designs: no list is kept by hand.
# A folder without `descriptor` in its namespace fails at link time with its name in the message.
function(iodrome_write_design_registry out)
  file(GLOB folders CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}/model/designs"
       "${CMAKE_CURRENT_SOURCE_DIR}/model/designs/*/README.md")
  set(declarations "")
  set(entries "")
  foreach(readme IN LISTS folders)
    get_filename_component(name "${readme}" DIRECTORY)
    string(APPEND declarations "namespace ${name} { extern const Descriptor descriptor; }\n")
    string(APPEND entries "  &${name}::descriptor,\n")
  endforeach()
  if(NOT entries)
    set(entries "  nullptr,\n")
  endif()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/design_registry.cpp")
  file(CONFIGURE OUTPUT "${source}.new" @ONLY CONTENT
"// Generated from the folders of model/designs.
#include \"model/designs/design.h\"
namespace iodrome::designs {
@declarations@
static const Descriptor* const table[] = {
@entries@};
std::span<const Descriptor* const> all() { return table; }
}
")
  file(COPY_FILE "${source}.new" "${source}" ONLY_IF_DIFFERENT)
  set(${out} "${source}" PARENT_SCOPE)
endfunction()
