// ConsoleSite: the human console as a site of its own listener: who may come in (Host, Origin,
// cookie, token of a form, PIN) and which page answers. It shows what the terminal's commands show
// and decides through the same functions (policy/answers.h); docs/console.md has its rules.
//
// Threads: those of the listener.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "server/console/page.h"
#include "server/transport/http_site.h"

namespace remit::console {

struct ConsoleOptions {
  transport::HttpNames names;  // besides the loopback names
  int port = 0;                // that it listens on; a Host names it unless a proxy stands in front
  bool behind_proxy = false;   // browsers come over https
  RelyingParty passkeys = {};  // where passkeys work; with an empty id: nowhere, because of
  std::string no_passkeys = {};        // this, a sentence
  policy::OperatorPlaces memory = {};  // whose Agent_Memory is shown
  std::string site = {};               // the site policy that was named, or ""
};

class ConsoleSite final : public transport::HttpSite {
 public:
  ConsoleSite(memory::State& state, memory::Ledger& ledger, const policy::ChangeSets& sets,
              ConsoleOptions options, transport::HttpMetrics& metrics);

  std::optional<transport::HttpReply> before_body(const transport::HttpTurn& turn) override;
  transport::HttpReply post(const transport::HttpTurn& turn, std::string body,
                            mcp::HeldBytes::Share held) override;
  std::size_t body_limit() const override;
  mcp::HeldBytes& held_bytes() override { return held_bytes_; }
  transport::HttpMetrics& metrics() override { return metrics_; }
  void drain() override {}
  bool stop(std::chrono::milliseconds) override { return true; }

 private:
  // Host, Origin and Sec-Fetch-Site: 403.
  std::optional<transport::Refusal> judge(const transport::Head& head) const;
  std::shared_ptr<Session> session_of(const transport::Head& head);
  std::string set_cookie(const std::string& name, const std::string& value) const;
  std::string cookie_name(const char* what) const;

  transport::HttpReply get(const transport::HttpTurn& turn);
  transport::HttpReply login_form(const transport::Head& head, int status,
                                  const std::string& problem, const std::string& next) const;
  // Where a request is, for passkeys.
  RelyingParty party_of(const transport::Head& head) const;
  transport::HttpReply log_in(const transport::Head& head, const Form& form);
  transport::HttpReply live(const transport::HttpTurn& turn, std::shared_ptr<Session> session);

  const ConsoleOptions options_;
  transport::HttpMetrics& metrics_;
  mcp::HeldBytes held_bytes_;
  Desk desk_;
};

}  // namespace remit::console
