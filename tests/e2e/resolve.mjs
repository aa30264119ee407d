// Lets scripts of this folder import the pinned packages, which ./dev installs outside the source
// tree: bare names are looked up from $REMIT_NODE_DIR. Used as: node --import ./resolve.mjs SCRIPT
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const packages = pathToFileURL(process.env.REMIT_NODE_DIR + '/package.json').href;

registerHooks({
  resolve(name, context, next) {
    const bare = !/^(\.|\/|node:|file:)/.test(name);
    const here = context.parentURL?.startsWith(new URL('.', import.meta.url).href);
    return next(name, bare && here ? { ...context, parentURL: packages } : context);
  },
});
