// A page of the console: what every handler gets and gives, and the frame around what it gives.
//
// Threads: a Desk is shared, a Visit belongs to one request.
#pragma once

#include <memory>
#include <string>

#include "memory/ledger.h"
#include "memory/state.h"
#include "policy/answers.h"
#include "policy/change_sets.h"
#include "server/console/agent_memory.h"
#include "server/console/forms.h"
#include "server/console/html.h"
#include "server/console/parts.h"
#include "server/console/sessions.h"
#include "server/console/webauthn.h"

namespace remit::console {

// What all pages work with.
struct Desk {
  memory::State& state;
  memory::Ledger& ledger;
  const policy::ChangeSets& sets;
  AgentMemory memory;
  Sessions sessions;
  RelyingParty passkeys;    // where passkeys work; with an empty id: nowhere, because of
  std::string no_passkeys;  // this, a sentence
  std::string site;         // the site policy that was named, or ""
};

// One request of somebody who has logged in.
struct Visit {
  Desk& desk;
  Session& session;
  Form query;          // of the address
  Form form;           // of a POST
  RelyingParty party;  // where this page is; with an empty id, passkeys do not work here

  // A call of its own, for the ledger.
  policy::CallScope call() const;
  // The hidden field that a form of this visit carries.
  Html token_for(std::string_view purpose) const;
  // Takes the token of the form for `purpose`. Errors: denied.
  Result<void> take(std::string_view purpose) const;
  // The fields in which a form asks for proof, which prove() checks; `id` of the PIN's.
  Html proof(const std::string& id) const;
  // Checks the PIN that the form carries. Errors: those of PinRows::check.
  Result<policy::Presence> prove_pin() const;
  // The PIN or a passkey (server/console/proof.h). Call it after take(). Errors: those of both;
  // denied for a passkey and a form older than kPasskeyForm.
  Result<policy::Presence> prove() const;
  // Errors: denied for a form older than kPasskeyForm.
  Result<void> need_recent() const;
  // Both, in this order: what every act needs that a session alone must not do.
  Result<policy::Presence> admit(std::string_view purpose) const;
};

enum class Place { none, approvals, changes, memory, handoffs, activity, ledger, passkeys };

struct Page {
  Page(std::string titled, Place at) : title(std::move(titled)), place(at) {}
  int status = 200;
  std::string title;
  Place place;
  Html main = {};             // below the heading
  std::string subject = {};   // the question that live updates of this page are about, if it is one
  std::string location = {};  // with status 303: where to go on
};

Page go_to(const std::string& location);
// The same, where `said` is told once.
Page go_on(Visit& visit, const std::string& location, const std::string& said);
// A page that says what went wrong; `place` for the way back.
Page failed_page(const Error& error, Place place);
// The status that goes with an error.
int status_of(const Error& error);
// The whole document. `visit`: null before the login.
std::string render(const Page& page, Visit* visit);

// Where the login leads: the page that was asked for, if it is one of ours that has a plain name (a
// question's, a change set's, a handoff's), else the first one. Never another site's.
std::string page_after_login(std::string_view path);

}  // namespace remit::console
