/** Jest runs the TypeScript sources through swc; types are checked by `npm run check`. sip.js is made of ES modules only, which Jest cannot require as they are. */
const commonjs = { type: 'commonjs' };

module.exports = {
  rootDir: '..',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: commonjs }],
    '/node_modules/sip\\.js/.+\\.js$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'ecmascript' } }, module: commonjs }],
  },
  transformIgnorePatterns: ['/node_modules/(?!sip\\.js/)'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/data'],
  setupFiles: ['<rootDir>/test/support/property-seed.cjs'],
  testTimeout: 20000,
  watchman: false,
};
