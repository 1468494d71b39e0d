/** The dashboard asks for nothing that there is not, and shows what the scrape example collects. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { operator } from '../../../signaling/api/access';
import { createApi } from '../../../signaling/api/app';
import { silentLogger } from '../../../signaling/log';
import { metrics, shown } from './views';

interface Panel {
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets?: Array<{ expr: string; legendFormat: string }>;
}

const docker = join(__dirname, '../../../docker');
const { panels } = JSON.parse(readFileSync(join(docker, 'grafana/offhook.json'), 'utf8')) as { panels: Panel[] };
const targets = panels.flatMap(({ title, targets: of = [] }) => of.map((target) => [`${title}: ${target.legendFormat}`, target] as const));
let samples: string[];

beforeAll(async () => {
  const { views } = shown();
  views.metrics.read = async () => metrics();
  const api = await createApi({ views, askerOf: () => operator, log: silentLogger });
  samples = (await api.inject({ url: '/metrics' })).payload.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  await api.close();
});

it('has panels', () => {
  expect(targets.length).toBeGreaterThan(25);
});

it.each(targets)('%s', (_title, { expr, legendFormat }) => {
  const asked = [...expr.matchAll(/((?:offhook|process)_[a-z_]+)(?:\{([^}]*)\})?/g)];
  expect(asked.length).toBeGreaterThan(0);
  for (const [, name = '', selectors = ''] of asked) {
    const of = samples.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    expect([name, of.length > 0]).toEqual([name, true]);
    const labels = [...selectors.matchAll(/([a-z]+)="/g), ...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, found = '']) => found.split(/,\s*/));
    const shownToo = [...legendFormat.matchAll(/\{\{([a-z]+)\}\}/g)].map(([, label = '']) => label);
    for (const label of [...labels, ...shownToo]) expect([label, of.some((line) => line.includes(`${label}="`))]).toEqual([label, true]);
  }
});

it('no panel lies on another', () => {
  const taken = new Set<string>();
  for (const { gridPos: { h, w, x, y } } of panels) {
    expect(x + w).toBeLessThanOrEqual(24);
    for (let i = x; i < x + w; i++) {
      for (let j = y; j < y + h; j++) {
        expect(taken.has(`${i} ${j}`)).toBe(false);
        taken.add(`${i} ${j}`);
      }
    }
  }
});

it('the scrape example is one', () => {
  const { scrape_configs: jobs } = parse(readFileSync(join(docker, 'prometheus.yml'), 'utf8')) as { scrape_configs: Array<Record<string, unknown>> };
  expect(jobs).toMatchObject([{ job_name: 'offhook', static_configs: [{ targets: [expect.stringMatching(/:\d+$/)] }] }]);
});
