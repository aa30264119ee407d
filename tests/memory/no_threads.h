// A system that has no thread left, for as long as this lives: every thread that is started without
// a stack size of its own would get a stack larger than any address space, so that std::thread
// throws.
#pragma once

#include <pthread.h>

#include <cstddef>

#include <doctest/doctest.h>

namespace remit::test {

class NoThreads {
 public:
  NoThreads() {
    REQUIRE(::pthread_getattr_default_np(&usual_) == 0);
    pthread_attr_t huge;
    REQUIRE(::pthread_attr_init(&huge) == 0);
    REQUIRE(::pthread_attr_setstacksize(&huge, std::size_t{1} << 50) == 0);
    REQUIRE(::pthread_setattr_default_np(&huge) == 0);
    ::pthread_attr_destroy(&huge);
  }
  ~NoThreads() { ::pthread_setattr_default_np(&usual_); }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t usual_{};
};

}  // namespace remit::test
