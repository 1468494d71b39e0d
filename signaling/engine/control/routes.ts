/**
 * Which application is asked about which method: one entry per (application, verb), taken in turn per verb. One that falls behind is passed
 * over while another one serves the verb.
 */
import type { App } from '../core/app';

/** What is looked for: an application with this tag. */
interface Tagged extends App {
  readonly tags?: readonly string[];
}

export class Routes {
  private readonly verbs = new Map<string, { apps: Tagged[]; next: number }>();

  /** @param verb lower-case SIP method. False: it was there already (drachtio-srf sends its routes again whenever one is added). */
  add(app: App, verb: string): boolean {
    const route = this.verbs.get(verb);
    if (!route) {
      this.verbs.set(verb, { apps: [app], next: 0 });
      return true;
    }
    if (route.apps.includes(app)) return false;
    route.apps.push(app);
    return true;
  }

  /** Removes this verb of this application and nothing else. */
  remove(app: App, verb: string): boolean {
    const route = this.verbs.get(verb);
    const at = route?.apps.indexOf(app) ?? -1;
    if (!route || at < 0) return false;
    route.apps.splice(at, 1);
    if (route.next > at) route.next--;
    if (route.apps.length === 0) this.verbs.delete(verb);
    return true;
  }

  removeAll(app: App): void {
    for (const verb of [...this.verbs.keys()]) this.remove(app, verb);
  }

  /** Verbs of one application. */
  count(app: App): number {
    let n = 0;
    for (const route of this.verbs.values()) if (route.apps.includes(app)) n++;
    return n;
  }

  /** Somebody has registered for it. */
  has(verb: string): boolean {
    return this.verbs.has(verb);
  }

  /** Somebody serves it, and all of them fall behind. */
  areBehind(method: string): boolean {
    return this.verbs.get(method.toLowerCase())?.apps.every((app) => app.behind === true) ?? false;
  }

  /** @param tag only applications that authenticated with it */
  pick(method: string, tag?: string): App | undefined {
    const route = this.verbs.get(method.toLowerCase());
    if (!route) return undefined;
    const { apps } = route;
    let chosen: number | undefined;
    for (let i = 0; i < apps.length; i++) {
      const at = (route.next + i) % apps.length;
      const app = apps[at]!;
      if (tag !== undefined && !app.tags?.includes(tag)) continue;
      if (!app.behind) {
        chosen = at;
        break;
      }
      chosen ??= at;
    }
    if (chosen === undefined) return undefined;
    route.next = (chosen + 1) % apps.length;
    return apps[chosen];
  }
}
