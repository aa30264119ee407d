// Passkeys at the console: registered after the PIN, and then a yes, a login and every other act;
// and what an answer of a key is not good for.
#include "memory/passkeys.h"

#include <sys/stat.h>

#include <chrono>

#include "server/console/proof.h"
#include "server/limits.h"
#include "tests/console/authenticator.h"
#include "tests/console/browser.h"

namespace remit::console {
namespace {

const std::string kKeys = "/console/passkeys", kList = "/console/approvals";
const std::string kAt = "Host: localhost:8812\r\nOrigin: http://localhost:8812\r\n";

ConsoleOptions with_passkeys() {
  ConsoleOptions options{{}, 8812, false};
  options.passkeys = relying_party("http://localhost:8812").value();
  return options;
}

// What a browser would send of a form.
Form form_of(const Fields& fields) {
  std::string body;
  for (const auto& [name, value] : fields)
    body += (body.empty() ? "" : "&") + percent(name) + "=" + percent(value);
  return Form::parse(body).value();
}

// A person at http://localhost:8812, with a key.
struct Person {
  explicit Person(House& at) : house(at), browser(at) {}
  Seen get(const std::string& path) { return browser.get(path, kAt); }
  Seen post(const std::string& path, const Fields& form) { return browser.post(path, form, kAt); }
  Seen log_in(const std::string& pin = kPin) {
    return post("/console/login",
                {{"token", Browser::token(get("/console/login"), "/console/login")}, {"pin", pin}});
  }
  // The fields of the form that leads to `action` on `page`, and those in `more`, signed.
  Fields signed_form(const std::string& page, const std::string& action, Authenticator& with,
                     Fields more = {}, const Told& told = {}) {
    Fields form{{"token", Browser::token(get(page), action)}};
    form.insert(form.end(), more.begin(), more.end());
    form.emplace_back("pin", "");
    form.emplace_back("passkey", with.answer(challenge_of(form_of(form)), told));
    return form;
  }
  Seen add(Authenticator& made, const std::string& name, const std::string& pin = kPin,
           const Told& told = {}) {
    const std::string action = kKeys + "/add";
    Fields form{{"token", Browser::token(get(kKeys), action)}, {"name", name}, {"pin", pin}};
    form.emplace_back("passkey", made.registration(challenge_of(form_of(form)), told));
    return post(action, form);
  }
  std::vector<memory::Passkey> keys() { return memory::Passkeys(*house.state).list().value(); }
  House& house;
  Browser browser;
  Authenticator key;
};

// One who is logged in and whose key is registered.
struct KeyHolder : Person {
  explicit KeyHolder(House& at) : Person(at) {
    REQUIRE(log_in().location == kList);
    REQUIRE(add(key, "key").location == kKeys);
  }
};

std::string approve_of(const memory::ApprovalRow& row) {
  return kList + "/" + row.id + "/approve";
}

TEST_CASE("a passkey is registered after the PIN, and says yes to a command of high risk") {
  House house(with_passkeys());
  Person person(house);
  person.log_in();
  CHECK(!person.get(kList).has("data-passkey"));
  CHECK(person.add(person.key, "the blue one", "0000").has("wrong PIN"));
  CHECK(person.keys().empty());
  CHECK(person.add(person.key, "the blue one").location == kKeys);
  const Seen listed = person.get(kKeys);
  CHECK(listed.has("Registered passkey the blue one."));
  CHECK(listed.has(person.key.name()));
  CHECK(person.add(person.key, "again").has("this passkey is registered already, as the blue one"));
  Authenticator second(Kind::eddsa);
  CHECK(person.add(second, "the blue one").has("another passkey has this name already"));
  CHECK(person.add(second, "").has("the name of a passkey has 1 to 64 printable characters"));
  CHECK(person.add(second, "the red one").location == kKeys);

  const auto row = house.ask("rm -rf build");
  const std::string page = kList + "/" + row.id;
  CHECK(person.get(page).has("data-keys=\"" + person.key.name() + " " + second.name() + "\""));
  const Seen done = person.post(
      approve_of(row), person.signed_form(page, approve_of(row), person.key, {{"scope", "once"}}));
  CHECK(done.location == kList);
  const memory::ApprovalRow answered = house.row(row.id);
  CHECK(answered.state == memory::ApprovalState::approved);
  CHECK(answered.channel == "console");
  CHECK(answered.attestation == "passkey");
  CHECK(answered.credential == person.key.name());
  CHECK(memory::signature_holds(answered, house.state->public_key("approval").value()));
  CHECK(memory::proves_presence(answered.attestation));
  const std::string ledger = house.ledger_text();
  CHECK(ledger.find("\"attestation\":\"passkey\"") != std::string::npos);
  CHECK(ledger.find("\"credential\":\"" + person.key.name() + "\"") != std::string::npos);
  CHECK(ledger.find("\"rule\":\"passkey.added\"") != std::string::npos);
  CHECK(person.keys().front().used_ms > 0);
  CHECK(person.keys().front().counter == 4);  // three registrations were tried before
  // Nobody else may write the file.
  struct stat st{};
  REQUIRE(::stat((house.state->directory() + "/passkeys").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
}

TEST_CASE("an answer is good for one form, once, and soon") {
  House house(with_passkeys());
  KeyHolder person(house);
  const auto row = house.ask("rm one"), other = house.ask("rm two");
  const std::string page = kList + "/" + row.id;
  const auto refused = [&](const Fields& form, const std::string& why) {
    const Seen seen = person.post(approve_of(row), form);
    CHECK(seen.status >= 400);
    CHECK_MESSAGE(seen.has(why), seen.body);
    CHECK(seen.has("nothing was approved"));
    CHECK(house.row(row.id).state == memory::ApprovalState::pending);
  };
  const auto changed = [](Fields form, const std::string& name, const std::string& value) {
    for (auto& [field, old] : form)
      if (field == name) old = value;
    return form;
  };
  const std::string elsewhere = "the passkey signed something else than this form: read it again";
  const auto fresh = [&](const Told& told = {}) {
    return person.signed_form(page, approve_of(row), person.key, {{"scope", "once"}}, told);
  };
  // Another form's token, or another choice than the one that was signed.
  refused(changed(fresh(), "scope", "session"), elsewhere);
  {
    Fields form = fresh();
    form.insert(form.begin() + 1, {"more", "1"});
    refused(form, elsewhere);
  }
  const Fields others = person.signed_form(kList + "/" + other.id, approve_of(other), person.key,
                                           {{"scope", "once"}});
  refused(changed(fresh(), "passkey", others.back().second), elsewhere);
  // The whole form of the other question, sent here: its token is not for this.
  CHECK(person.post(approve_of(row), others).status == 403);
  CHECK(house.row(row.id).state == memory::ApprovalState::pending);
  // A denial's form is another form.
  const Fields denial =
      person.signed_form(page, kList + "/" + row.id + "/deny", person.key, {{"scope", "once"}});
  refused(changed(fresh(), "passkey", denial.back().second), elsewhere);
  // Lies of a browser or a key.
  refused(fresh({.origin = "http://localhost:9999"}),
          "the passkey was used at http://localhost:9999, not at http://localhost:8812");
  refused(fresh({.verified = false}), "the passkey did not verify who is there");
  refused(fresh({.user_handle = "somebody else"}), "this passkey was made for another person");
  refused(fresh({.counter = 1}), "did not grow (1 after 1): it may have been copied; remove it");
  CHECK(house.ledger_text().find("\"rule\":\"passkey.copied\"") != std::string::npos);
  refused(fresh({.eligible = true}), "says otherwise than before whether it may be backed up");
  // Nobody's key, and one with a registered id.
  Authenticator stranger, forged(Kind::es256, person.key.id());
  refused(person.signed_form(page, approve_of(row), stranger, {{"scope", "once"}}),
          "this passkey is not registered here");
  refused(person.signed_form(page, approve_of(row), forged, {{"scope", "once"}}, {.counter = 99}),
          "the passkey&#39;s signature does not hold");
  refused(changed(fresh(), "passkey", "nonsense"), "the passkey&#39;s answer is malformed");
  // Too late.
  Fields late = fresh();
  house.clock.advance_ms(std::chrono::milliseconds(limits::kPasskeyForm).count());
  const Seen seen = person.post(approve_of(row), late);
  CHECK(seen.status >= 400);
  CHECK(house.row(row.id).state != memory::ApprovalState::approved);
  // And once.
  const auto third = house.ask("rm three");
  const Fields good = person.signed_form(kList + "/" + third.id, approve_of(third), person.key,
                                         {{"scope", "once"}}, {.counter = 100});
  CHECK(person.post(approve_of(third), good).location == kList);
  CHECK(person.post(approve_of(third), good).status == 403);
}

TEST_CASE("the form's age counts from when it was made") {
  House house(with_passkeys());
  KeyHolder person(house);
  const Fields form =
      person.signed_form(kKeys, kKeys + "/" + person.key.name() + "/remove", person.key);
  house.clock.advance_ms(std::chrono::milliseconds(limits::kPasskeyForm).count());
  const Seen late = person.post(kKeys + "/" + person.key.name() + "/remove", form);
  CHECK(late.status == 403);
  CHECK(late.has("older than a passkey&#39;s answer may be"));
  CHECK(person.keys().size() == 1);
}

TEST_CASE("a passkey logs in, and what it signed opens one session") {
  House house(with_passkeys());
  KeyHolder person(house);
  Person again(house);
  const Fields form = again.signed_form("/console/login", "/console/login", person.key);
  const auto nonce = again.browser.cookies;
  CHECK(again.post("/console/login", form).location == kList);
  CHECK(again.get(kList).status == 200);
  // The same once more, from where the nonce was seen: the counter would show it, and the nonce
  // does.
  Person thief(house);
  thief.browser.cookies = nonce;
  CHECK(thief.post("/console/login", form).status == 403);
  CHECK(thief.get(kList).status == 303);
  Authenticator stranger;
  CHECK(
      thief.post("/console/login", thief.signed_form("/console/login", "/console/login", stranger))
          .has("this passkey is not registered here"));
  // A key that does not count: only the nonce is between a thief and a session.
  Authenticator still;
  const auto without_counter = [](std::string& data) { data.replace(33, 4, 4, '\0'); };
  Told told;
  told.spoil_data = without_counter;
  CHECK(person.add(still, "does not count", kPin, told).location == kKeys);
  CHECK(person.keys().back().counter == 0);
}

TEST_CASE("a passkey settles what else asks for the PIN") {
  House house(with_passkeys());
  KeyHolder person(house);
  const auto row = house.ask("ls", "low");
  CHECK(person
            .post(approve_of(row), person.signed_form(kList + "/" + row.id, approve_of(row),
                                                      person.key, {{"scope", "rule"}}))
            .location == kList);
  const std::string revoke = "/console/rules/" + row.id + "/revoke";
  CHECK(person.post(revoke, person.signed_form(kList, revoke, person.key)).location == kList);
  CHECK(house.row(row.id).state == memory::ApprovalState::expired);
  // It removes itself; what it signs afterwards is nothing.
  const auto second = house.ask("rm x");
  const Fields before = person.signed_form(kList + "/" + second.id, approve_of(second), person.key,
                                           {{"scope", "once"}});
  const std::string remove = kKeys + "/" + person.key.name() + "/remove";
  CHECK(person.post(remove, person.signed_form(kKeys, remove, person.key)).location == kKeys);
  CHECK(person.keys().empty());
  CHECK(person.post(approve_of(second), before).has("this passkey is not registered here"));
  CHECK(house.ledger_text().find("\"rule\":\"passkey.removed\"") != std::string::npos);
  CHECK(person.post(kKeys + "/nothing/remove", {{"pin", kPin}}).status == 403);
}

TEST_CASE("under another name of the same console no passkey counts") {
  House house(with_passkeys());
  KeyHolder person(house);
  // A browser offers none at an IP address; what somebody sends there all the same is refused.
  Browser numeric(house);
  numeric.log_in();
  CHECK(numeric.get(kKeys).has("http://localhost:8812/console/passkeys"));
  CHECK(numeric.get("/console/login").status == 303);
  const auto row = house.ask("rm x");
  const std::string page = kList + "/" + row.id;
  CHECK(!numeric.get(page).has("data-passkey"));
  Fields form{{"token", Browser::token(numeric.get(page), approve_of(row))}, {"scope", "once"}};
  form.emplace_back("passkey", person.key.answer(challenge_of(form_of(form))));
  const Seen seen = numeric.post(approve_of(row), form);
  CHECK(seen.status == 403);
  CHECK(seen.has("no passkey can be used at this address"));
  CHECK(house.row(row.id).state == memory::ApprovalState::pending);
  Browser outside(house);
  CHECK(outside.get("/console/login").has("Passkeys can be used at"));
}

TEST_CASE("behind a proxy the keys are those of its name") {
  ConsoleOptions options{{{"remit.example"}, {"https://remit.example"}}, 8812, true};
  options.passkeys = relying_party("https://remit.example").value();
  House house(options);
  const std::string at = "Host: remit.example\r\nOrigin: https://remit.example\r\n";
  Browser browser(house);
  browser.post("/console/login",
               {{"token", Browser::token(browser.get("/console/login", at), "/console/login")},
                {"pin", kPin}},
               at);
  Authenticator key;
  const Told told{.origin = "https://remit.example", .rp_id = "remit.example"};
  Fields form{{"token", Browser::token(browser.get(kKeys, at), kKeys + "/add")},
              {"name", "key"},
              {"pin", kPin}};
  form.emplace_back("passkey", key.registration(challenge_of(form_of(form)), told));
  CHECK(browser.post(kKeys + "/add", form, at).location == kKeys);
  CHECK(memory::Passkeys(*house.state).list().value().front().rp_id == "remit.example");
}

TEST_CASE("a file that others may write, or that is damaged, holds no keys") {
  House house(with_passkeys());
  memory::Passkeys keys(*house.state);
  const std::string path = house.state->directory() + "/passkeys";
  REQUIRE(
      keys.add({.id = "aWQ", .name = "one", .rp_id = "localhost", .cose_key = "a2V5"}, "console"));
  REQUIRE(::chmod(path.c_str(), 0620) == 0);
  CHECK(keys.list().error().kind == ErrorKind::denied);
  memory::spew(path, "{}");
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  CHECK(keys.list().error().message.find("damaged") != std::string::npos);
  CHECK(!keys.add({.id = "aWQ", .name = "two"}, "console"));
  CHECK(!keys.use("aWQ", 1, false));
}

TEST_CASE("keys are found by name and by the beginning of their id") {
  House house;
  memory::Passkeys keys(*house.state);
  REQUIRE(keys.add({.id = "abcdef1", .name = "one"}, "console"));
  REQUIRE(keys.add({.id = "abcdef2", .name = "two"}, "console"));
  REQUIRE(keys.add({.id = "xyz1234", .name = "three"}, "console"));
  CHECK(keys.remove("abcdef", "terminal").error().kind == ErrorKind::invalid_argument);
  CHECK(keys.remove("xyz", "terminal").error().kind == ErrorKind::not_found);
  CHECK(keys.remove("xyz1", "terminal").value().name == "three");
  CHECK(keys.remove("two", "terminal").value().id == "abcdef2");
  CHECK(keys.remove("abcdef1", "terminal"));
  CHECK(keys.list().value().empty());
  for (std::size_t i = 0; i < limits::kPasskeys; ++i)
    REQUIRE(keys.add({.id = "id" + std::to_string(i), .name = std::to_string(i)}, "console"));
  CHECK(keys.add({.id = "id", .name = "one more"}, "console").error().kind == ErrorKind::too_large);
}

}  // namespace
}  // namespace remit::console
