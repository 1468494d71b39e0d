/** `node --require register-ts.cjs file.ts`: lets plain Node run our sources, for tests of whole processes that should not depend on a build. */
const Module = require('node:module');
const swc = require('@swc/core');

const options = { module: { type: 'commonjs' }, jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, sourceMaps: 'inline' };

Module._extensions['.ts'] = (module, path) => module._compile(swc.transformFileSync(path, options).code, path);
