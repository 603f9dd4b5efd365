/** Preloaded into servers that have no setting for the address they listen on: they listen on 127.0.0.1. */
import { Server } from 'node:net';

const original = Server.prototype['listen'];
const listen = (server, ...args) => original.apply(server, args);
Server.prototype.listen = function onLoopback(port, ...rest) {
  return typeof port === 'object'
    ? listen(this, port, ...rest)
    : listen(
        this,
        { port: Number(port), host: '127.0.0.1' },
        rest.find((one) => typeof one === 'function'),
      );
};
