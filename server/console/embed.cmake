# Writes a source file that holds the files of assets/ (server/console/assets.h).
#   cmake -DOUT=assets.cpp -DFOLDER=server/console/assets "-DFILES=console.css;console.js" -P embed.cmake
set(table "")
foreach(name ${FILES})
  if(name MATCHES "\\.css$")
    set(type "text/css; charset=utf-8")
  elseif(name MATCHES "\\.js$")
    set(type "text/javascript; charset=utf-8")
  elseif(name MATCHES "\\.svg$")
    set(type "image/svg+xml")
  else()
    message(FATAL_ERROR "${name}: an asset of an unknown type")
  endif()
  file(READ ${FOLDER}/${name} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  # Lines of 32 bytes: one literal may not be longer than compilers promise to take.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(MAKE_C_IDENTIFIER ${name} id)
  string(APPEND arrays "constexpr unsigned char ${id}[] = {${bytes}};\n")
  string(APPEND table
    "    {\"/console/${name}\", \"${type}\", {reinterpret_cast<const char*>(${id}), ${size}}},\n")
endforeach()
file(WRITE ${OUT}.new "#include \"server/console/assets.h\"

namespace remit::console {
namespace {

${arrays}
}  // namespace

std::span<const Asset> assets() {
  static const Asset kAll[] = {
${table}  };
  return kAll;
}

}  // namespace remit::console
")
file(RENAME ${OUT}.new ${OUT})
