/** Jest runs the TypeScript sources through swc; types are checked by `npm run check`. */
module.exports = {
  rootDir: '..',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/data'],
  setupFiles: ['<rootDir>/test/support/property-seed.cjs'],
  testTimeout: 20000,
  watchman: false,
};
