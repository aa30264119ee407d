// FrontSite: what stands behind the listener of many agents: who calls, which worker that means,
// and the way there and back (relay.h). It knows no message of MCP and no Agent_Memory.
//
//   /agents/NAME/mcp     the agent NAME; /mcp if there is one agent only
//   /healthz /readyz     without a token; /metrics with any
//
// Threads: as HttpSite.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "server/front/link.h"
#include "server/front/relay.h"
#include "server/limits.h"
#include "server/transport/http_site.h"

namespace remit::front {

class FrontSite final : public transport::HttpSite {
 public:
  FrontSite(Link& link, transport::HttpNames names, transport::HttpMetrics& metrics)
      : link_(link), names_(std::move(names)), metrics_(metrics) {}

  std::optional<transport::HttpReply> before_body(const transport::HttpTurn& turn) override;
  transport::HttpReply post(const transport::HttpTurn& turn, std::string body,
                            mcp::HeldBytes::Share held) override;
  std::size_t body_limit() const override { return limits::kFrameBytes; }
  mcp::HeldBytes& held_bytes() override { return held_; }
  transport::HttpMetrics& metrics() override { return metrics_; }
  void drain() override { draining_ = true; }
  bool stop(std::chrono::milliseconds) override { return true; }

 private:
  // The worker that this head asks for, or how it is turned away.
  std::variant<Destination, transport::Refusal> find(const transport::Head& head) const;
  transport::HttpReply relay(const transport::HttpTurn& turn, const Destination& to,
                             std::string_view body);
  transport::HttpReply answer(const Destination& to, std::shared_ptr<Relay> relay,
                              std::shared_ptr<void> watched);
  // A place among the calls of an agent, as long as the handle lives; null if there is none.
  std::shared_ptr<void> slot_of(const std::string& agent);

  Link& link_;
  const transport::HttpNames names_;
  transport::HttpMetrics& metrics_;
  mcp::HeldBytes held_;
  std::atomic<bool> draining_ = false;
  std::mutex mutex_;
  std::map<std::string, std::size_t, std::less<>> calls_;  // by agent
};

}  // namespace remit::front
