/** What a request handler is told: plain data, it crosses a thread boundary. */
export interface RequestHandlerSettings {
  /** Methods in capitals it is asked about; `*`: all that no other handler names. */
  methods: readonly string[];
  /**
   * `http:` or `https:`: asked where the request goes (PROTOCOL 18). `tcp:` or `tls:`: an application that listens there (`srf.listen`) gets it,
   * without asking.
   */
  url: string;
  /** POST carries the SIP message as its body. Default GET. */
  httpMethod?: 'GET' | 'POST' | undefined;
  /** For the answer, and again for a connection to the application. Default 3. */
  timeoutSeconds?: number | undefined;
  /** PEM file of authorities that `https:` and `tls:` certificates are checked against; absent: those of the system. */
  authorities?: string | undefined;
}

export const defaultTimeoutSeconds = 3;

/** Why settings cannot be used, in words; undefined: they can. */
export function handlerProblem({ url, methods }: RequestHandlerSettings): string | undefined {
  if (methods.length === 0) return `The request handler ${url} names no methods: name some, or "*".`;
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return `The request handler "${url}" is not a URL.`;
  }
  if (!['http:', 'https:', 'tcp:', 'tls:'].includes(parsed.protocol)) return `The request handler "${url}" is neither http, https, tcp nor tls.`;
  const direct = parsed.protocol === 'tcp:' || parsed.protocol === 'tls:';
  if (direct && parsed.port === '') return `The request handler "${url}" names no port.`;
  return undefined;
}
