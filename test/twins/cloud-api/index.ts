import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, failure } from './answers.ts';
import { createAuthenticator } from './auth.ts';
import { createCalls } from './calls.ts';
import { createDualPort } from './dual-port.ts';
import { createHubs } from './hubs.ts';
import { createPresenceRule } from './presence-rule.ts';
import { createRequestHandler } from './requests.ts';
import type { CloudApi, CloudApiOptions } from './types.ts';

export { createPresenceRule, type PresenceRule } from './presence-rule.ts';
export type * from './types.ts';

/** The twin of the public API, on plain HTTP and, with a certificate, on TLS on the same port. */
export function createCloudApi(options: CloudApiOptions): CloudApi {
  const { iotCore, keys, jwtSecret, wallClock, host = '127.0.0.1', port = 0, tls, sendWhileOffline = 'refuse', onRequest } = options;
  const hubs = createHubs();
  const auth = createAuthenticator({ keys, jwtSecret, wallClock });
  const answerTo = createRequestHandler({ calls: createCalls({ iotCore, hubs, wallClock, sendWhileOffline }), auth });
  const presenceRule = createPresenceRule(iotCore);
  const failing = { count: 0, status: 0 };
  let answersToLose = 0;

  async function decide(request: IncomingMessage): Promise<Answer> {
    if (failing.count > 0) {
      failing.count -= 1;
      return failure(failing.status);
    }
    return answerTo(request);
  }

  function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const lost = answersToLose > 0;
    if (lost) answersToLose -= 1;
    onRequest?.({ method: request.method ?? '', path: request.url ?? '', status: lost ? null : answer.status });
    if (lost) return void request.socket.destroy();
    const text = answer.body && JSON.stringify(answer.body);
    const content = text && { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) };
    response.writeHead(answer.status, { 'cache-control': 'no-store', ...content, ...answer.headers });
    response.end(request.method === 'HEAD' ? null : text);
    // A body that nobody wants is read away, so that the connection can carry the next request.
    request.resume();
  }

  const entrance = createDualPort({
    host,
    port,
    ...(tls && { tls }),
    listener(request, response) {
      decide(request).then(
        (answer) => send(request, response, answer),
        (error: Error) => {
          if (request.errored) return request.destroy();
          // A bug of the twin: the caller gets what a caller gets, and whoever runs the twin sees the stack.
          process.emitWarning(error);
          return send(request, response, failure(500));
        },
      );
    },
  });

  function address(): string {
    const bound = entrance.port();
    if (bound === null) throw new Error('the API twin has not been started');
    return `${host}:${bound}`;
  }

  return {
    get url() {
      return `http://${address()}`;
    },
    get secureUrl() {
      if (!tls) throw new Error('the API twin has no certificate');
      return `https://${address()}`;
    },
    faults: {
      fail: (count, status) => void Object.assign(failing, { count, status }),
      loseAnswers: (count) => {
        answersToLose = count;
      },
      clear: () => {
        failing.count = 0;
        answersToLose = 0;
      },
    },
    async start() {
      await entrance.start();
      presenceRule.start();
    },
    async stop() {
      presenceRule.stop();
      await entrance.stop();
    },
    issueToken: auth.issueToken,
    setStatus(hubId, status) {
      const hub = hubs.find(hubId);
      if (!hub) throw new Error(`no such hub: ${hubId}`);
      hubs.setStatus(hub, status);
    },
  };
}
