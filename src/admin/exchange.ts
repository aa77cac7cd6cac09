/** One request to a listener of this folder, and what is answered: no sockets. */

export interface Request {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** As sent: a name or address, perhaps with a port. Undefined: none was sent. */
  readonly host: string | undefined;
  /** Of a page that a browser shows, where it names itself. */
  readonly origin: string | undefined;
  /** What a browser says of where the request comes from (Fetch Metadata, `Sec-Fetch-Site`). */
  readonly fetchSite: string | undefined;
  /** IP address of the other end. */
  readonly peer: string;
}

export interface Answer {
  readonly status: number;
  /** Default: text/plain. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a path answers. May reject: that is a fault of ours. */
export type Endpoint = (request: Request) => Answer | Promise<Answer>;

/** The methods of a path and what answers them. GET answers HEAD as well. */
export type Methods = Readonly<Partial<Record<'GET' | 'POST', Endpoint>>>;

/** By path. */
export type Paths = Readonly<Record<string, Methods>>;

/** An answer for people: one line. */
export function line(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: `${text}\n` };
}

export function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value, null, 2)}\n` };
}

/** Answers by path and method: 404 and 405 where there is none. */
export function answerBy(paths: Paths): Endpoint {
  const table = new Map(Object.entries(paths));
  return (request) => {
    const methods = table.get(request.path);
    if (!methods) return line(404, `nothing here; there are ${[...table.keys()].join(' ')}`);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const endpoint = method === 'GET' || method === 'POST' ? methods[method] : undefined;
    if (endpoint) return endpoint(request);
    const allow = Object.keys(methods).flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each]));
    return line(405, `${request.path} takes ${allow.join(', ')} only`, { allow: allow.join(', ') });
  };
}
