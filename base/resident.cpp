#include "base/resident.h"

#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

namespace remit {
namespace {

// A segment that may not be written to is the file's, unchanged: the kernel finds it again. That of
// relocated tables may be written to until they are relocated, so it is none of these.
int give_back_segments(struct dl_phdr_info* object, std::size_t, void*) {
  // The kernel's own object is no file.
  const auto kernels = static_cast<std::uintptr_t>(::getauxval(AT_SYSINFO_EHDR));
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    const std::uintptr_t end = begin + segment.p_memsz;
    if (kernels >= begin && kernels < end) continue;
    // Outer pages belong to this segment too: the linker shares none between segments of other
    // rights.
    const std::uintptr_t first = begin / page * page;
    ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void give_back_start_memory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(give_back_segments, nullptr);
}

void give_back_when_quiet(std::initializer_list<int> descriptors) {
  std::vector<pollfd> wanted;
  for (const int descriptor : descriptors) wanted.push_back({descriptor, POLLIN, 0});
  if (::poll(wanted.data(), wanted.size(), static_cast<int>(kStartRest.count())) == 0) {
    give_back_start_memory();
  }
}

}  // namespace remit
