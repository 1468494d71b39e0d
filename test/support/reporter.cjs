/**
 * Jest's reporter for `npm test`: a line for each suite file as it ends, failures in full, and everything as JSON in the file that
 * JEST_RESULTS_FILE names, for `test/run.mjs` to add up.
 */
const { writeFileSync } = require('node:fs');
const { relative, sep } = require('node:path');

const WORDS = { passed: 'passed', failed: 'failed', pending: 'skipped', skipped: 'skipped', disabled: 'skipped', todo: 'skipped' };

class LineReporter {
  constructor(globalConfig) {
    this.rootDir = globalConfig.rootDir;
    this.byName = Boolean(globalConfig.testNamePattern);
    this.suites = [];
  }

  onRunStart(results) {
    this.total = results.numTotalTestSuites;
  }

  onTestResult(_test, result) {
    const file = relative(this.rootDir, result.testFilePath).split(sep).join('/');
    const tests = result.testResults.map(({ ancestorTitles, title, status }) => ({ name: [...ancestorTitles, title].join(' › '), outcome: WORDS[status] ?? status }));
    const suite = { file, tests, error: result.testExecError ? result.failureMessage : undefined };
    this.suites.push(suite);
    // Chosen by name, and not in this file.
    if (this.byName && suite.error === undefined && tests.every((test) => test.outcome === 'skipped')) return;
    const seconds = ((result.perfStats.end - result.perfStats.start) / 1000).toFixed(1);
    const failed = suite.error !== undefined || tests.some((test) => test.outcome === 'failed');
    const counts = ['passed', 'failed', ...(this.byName ? [] : ['skipped'])].flatMap((word) => {
      const count = tests.filter((test) => test.outcome === word).length;
      return count ? [`${count} ${word}`] : [];
    });
    const place = `[${String(this.suites.length).padStart(String(this.total).length)}/${this.total}]`;
    process.stdout.write(`${place} ${failed ? 'FAIL' : 'ok  '} ${file}: ${counts.join(', ') || 'did not run'} (${seconds} s)\n`);
    if (failed) process.stdout.write(`${result.failureMessage ?? ''}\n`);
  }

  onRunComplete() {
    writeFileSync(process.env.JEST_RESULTS_FILE, JSON.stringify(this.suites));
  }
}

module.exports = LineReporter;
