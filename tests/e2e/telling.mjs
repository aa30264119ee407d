// How a demo is told: numbered steps, what somebody else printed marked as such, and what must be so
// checked on the way. A story that does not go as told ends with 1, so a demo is a test too.
import { instruction, source } from './house.mjs';

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const started = Date.now();

function wrap(line, width = 96) {
  const parts = [];
  for (let rest = line; ;) {
    if (rest.length <= width) return [...parts, rest];
    const before = rest.lastIndexOf(' ', width);
    const cut = before > 0 ? before : rest.indexOf(' ', width);
    if (cut < 0) return [...parts, rest];
    parts.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
}

export class Teller {
  #step = 0;
  #failed = false;
  constructor(house) {
    this.house = house;
  }
  paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  title = (text) => {
    this.#step += 1;
    console.log(`\n${this.paint('1;36', `${this.#step}. ${text}`)}`);
  };
  say = (text) => console.log(`   ${text}`);
  // What somebody else printed: long lines are wrapped, and the temporary folder goes by a name.
  quote = (text, lines = 6) => {
    const { workspace, state } = this.house;
    const all = text.replaceAll(workspace, 'WORKSPACE').replaceAll(state, 'STATE').replaceAll(`${source}/`, '').trimEnd().split('\n');
    for (const line of all.slice(0, lines)) {
      for (const [i, part] of wrap(line.trimEnd()).entries()) console.log(this.paint('2', `   | ${i ? '    ' : ''}${part}`));
    }
    if (all.length > lines) console.log(this.paint('2', `   | ... ${all.length - lines} more lines`));
  };
  // `seen` is shown where it is not as it should be.
  expect = (condition, what, seen) => {
    if (condition) {
      console.log(`   ${this.paint('32', 'ok')} ${what}`);
      return;
    }
    this.#failed = true;
    console.log(`   ${this.paint('1;31', 'NOT AS IT SHOULD BE')}: ${what}`);
    if (seen !== undefined) console.log(typeof seen === 'string' ? seen : JSON.stringify(seen, null, 1));
  };
  end = (words) => {
    const last = this.#failed ? this.paint('1;31', 'The story did not go as told.') : this.paint('1;32', words);
    console.log(`\n${last} ${((Date.now() - started) / 1000).toFixed(1)} s; instruction ${instruction}.`);
    process.exit(this.#failed ? 1 : 0);
  };
}
