export { hasDbusDaemon, type PrivateBus, startPrivateBus } from './private-bus.ts';
export { serveNetworkManager } from './service.ts';
