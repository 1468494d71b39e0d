/** The engine's worker thread from its TypeScript sources, through the compiler that jest uses too. */
const { join } = require('node:path');
const { transformFileSync } = require('@swc/core');

require.extensions['.ts'] = (module, file) => {
  const { code } = transformFileSync(file, { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' }, sourceMaps: 'inline' });
  module._compile(code, file);
};

require(join(__dirname, '../../signaling/engine/worker.ts'));
