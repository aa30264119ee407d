#include "base/descriptor_folder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>

namespace remit::fs {

namespace {

// The held descriptor plus one, so that an emptied page says "none". Null if the system has no page
// for it.
std::atomic<int>* make_note() {
  const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* page = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (::madvise(page, bytes, MADV_WIPEONFORK) != 0) {
    ::munmap(page, bytes);
    return nullptr;
  }
  return new (page) std::atomic<int>(0);
}

}  // namespace

int descriptor_folder() {
  static std::atomic<int>* const note = make_note();
  if (note == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  if (const int held = note->load(std::memory_order_acquire); held != 0) return held - 1;
  const int opened = ::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return -1;
  int none = 0;
  if (note->compare_exchange_strong(none, opened + 1, std::memory_order_acq_rel)) return opened;
  ::close(opened);  // another thread was first
  return none - 1;
}

}  // namespace remit::fs
