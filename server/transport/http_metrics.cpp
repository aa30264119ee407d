#include "server/transport/http_metrics.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace remit::transport {
namespace {

// What a request may be called in a label.
constexpr std::array<std::string_view, 24> kMethods = {"DELETE",
                                                       "GET",
                                                       "POST",
                                                       "completion/complete",
                                                       "initialize",
                                                       "logging/setLevel",
                                                       "ping",
                                                       "prompts/get",
                                                       "prompts/list",
                                                       "resources/list",
                                                       "resources/read",
                                                       "resources/subscribe",
                                                       "resources/templates/list",
                                                       "resources/unsubscribe",
                                                       "server/discover",
                                                       "subscriptions/listen",
                                                       "tasks/cancel",
                                                       "tasks/get",
                                                       "tasks/update",
                                                       "tools/call",
                                                       "tools/list",
                                                       "notification",
                                                       "response",
                                                       "other"};

std::string_view known_method(std::string_view method) {
  const auto at = std::find(kMethods.begin(), kMethods.end(), method);
  return at != kMethods.end() ? *at : "other";
}

std::string number(double value) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.10g", value);
  return std::string(text.data(), static_cast<std::size_t>(std::max(length, 0)));
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help);
  out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void line(std::string& out, std::string_view name, std::string_view labels, double value) {
  out += name;
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(number(value)).append("\n");
}

double resident_bytes(int statm) {
  std::array<char, 128> text{};
  if (::pread(statm, text.data(), text.size() - 1, 0) <= 0) return 0;
  char* second = nullptr;
  std::strtoull(text.data(), &second, 10);
  return static_cast<double>(std::strtoull(second, nullptr, 10)) *
         static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace

HttpMetrics::HttpMetrics() : statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

void HttpMetrics::count(std::string_view method, int status, std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = static_cast<std::size_t>(
      std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin());
  const std::string_view name = known_method(method);
  const std::lock_guard held(mutex_);
  ++requests_[{name, status}];
  ++buckets_[bucket];
  seconds_ += seconds;
}

std::string HttpMetrics::text(std::size_t sessions, const std::vector<Gauge>& more) const {
  std::string out;
  {
    const std::lock_guard held(mutex_);
    head(out, "remit_http_requests_total", "counter", "Requests by method and HTTP status.");
    for (const auto& [key, count] : requests_)
      line(
          out, "remit_http_requests_total",
          "method=\"" + std::string(key.first) + "\",status=\"" + std::to_string(key.second) + "\"",
          static_cast<double>(count));
    head(out, "remit_http_request_seconds", "histogram",
         "From the end of the head to the start of the response.");
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      sum += buckets_[i];
      line(out, "remit_http_request_seconds_bucket",
           "le=\"" + (i < kBounds.size() ? number(kBounds[i]) : "+Inf") + "\"",
           static_cast<double>(sum));
    }
    line(out, "remit_http_request_seconds_sum", {}, seconds_);
    line(out, "remit_http_request_seconds_count", {}, static_cast<double>(sum));
  }
  const std::vector<Gauge> own = {
      {"remit_http_connections", "Open connections.", "gauge", static_cast<double>(connections)},
      {"remit_http_requests_in_flight", "Requests being answered.", "gauge",
       static_cast<double>(in_flight)},
      {"remit_http_streams", "Open event streams.", "gauge", static_cast<double>(streams)},
      {"remit_http_sessions", "Sessions of the initialize eras.", "gauge",
       static_cast<double>(sessions)},
      {"process_resident_memory_bytes", "Resident memory.", "gauge", resident_bytes(statm_.get())},
      {"process_cpu_seconds_total", "User and system CPU time.", "counter", cpu_seconds()}};
  const std::string* last = nullptr;
  for (const std::vector<Gauge>* gauges : {&own, &more})
    for (const Gauge& gauge : *gauges) {
      if (last == nullptr || *last != gauge.name) head(out, gauge.name, gauge.type, gauge.help);
      line(out, gauge.name, gauge.labels, gauge.value);
      last = &gauge.name;
    }
  return out;
}

}  // namespace remit::transport
