/** Adds up what the reporter wrote, and says it. */

/** The reason that `test/support/peers.ts` puts into the title of a suite it skips. */
const REASON = /\[skipped: (.+?)\](?= ›|$)/;

export class Tally {
  passed = 0;
  failed = 0;
  /** reason → how many */
  skipped = new Map();
  failures = [];

  get total() {
    return this.passed + this.failed;
  }

  pass(count = 1) {
    this.passed += count;
  }

  fail(name) {
    this.failed++;
    this.failures.push(name);
  }

  skip(reason) {
    this.skipped.set(reason, (this.skipped.get(reason) ?? 0) + 1);
  }

  /**
   * `suites` as the reporter wrote them. `names`: the pattern that tests were chosen by; jest reports the others as skipped, which they
   * are not.
   */
  add(suites, names) {
    for (const { file, tests, error } of suites) {
      if (error !== undefined) this.fail(`${file}: did not run`);
      for (const { name, outcome } of tests) {
        if (outcome === 'passed') this.pass();
        else if (outcome === 'failed') this.fail(`${file}: ${name}`);
        else if (!names || names.test(name.replaceAll(' › ', ' '))) this.skip(REASON.exec(name)?.[1] ?? 'no reason given');
      }
    }
  }

  /** What failed, what was skipped and why, and the line that counts, which is the last one. */
  lines() {
    const count = [...this.skipped.values()].reduce((sum, one) => sum + one, 0);
    return [
      ...(this.failures.length ? ['Failed:', ...this.failures.map((name) => `  ${name}`)] : []),
      ...(count ? ['Skipped:', ...[...this.skipped].map(([reason, times]) => `  ${times}: ${reason}`)] : []),
      `${this.passed} passed, ${this.failed} failed${count ? `, ${count} skipped` : ''}`,
    ];
  }
}
