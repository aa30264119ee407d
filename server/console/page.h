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
#include "server/console/forms.h"
#include "server/console/html.h"
#include "server/console/sessions.h"

namespace remit::console {

// What all pages work with.
struct Desk {
  memory::State& state;
  memory::Ledger& ledger;
  const policy::ChangeSets& sets;
  Sessions sessions;
};

// One request of somebody who has logged in.
struct Visit {
  Desk& desk;
  Session& session;
  std::string target;  // path and query
  Form form;           // of a POST, whose token was taken

  // The hidden field that a form of this visit carries.
  Html token_for(std::string_view purpose) const;
  // Checks the PIN that the form carries. Errors: those of PinRows::check.
  Result<policy::Presence> prove() const;
};

enum class Place { none, approvals, changes, activity, ledger };

struct Page {
  int status = 200;
  std::string title;
  Place place = Place::none;
  Html main;             // below the heading
  std::string subject;   // what the live updates of this page are about: "approvals", an id, ...
  std::string location;  // with status 303: where to go on
};

// Goes on at `location`, where `said` is told once.
Page go_on(Visit& visit, const std::string& location, const std::string& said);
// A page that says what went wrong; `place` for the way back.
Page failed_page(const Error& error, Place place);
// The status that goes with an error.
int status_of(const Error& error);
// A message that a screen reader announces: an error, or what was done.
Html alert(const std::string& text);

// The whole document. `visit`: null before the login.
std::string render(const Page& page, Visit* visit);

// "in 4 min 10 s" to `at_ms`; "" if that is over.
std::string time_left(std::int64_t at_ms, std::int64_t now_ms);
// <time> with the moment in UTC.
Html moment(std::int64_t at_ms);
// <label> and the field for the PIN.
Html pin_field(const std::string& id);

}  // namespace remit::console
