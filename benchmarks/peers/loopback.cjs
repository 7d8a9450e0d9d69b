// Portkey's gateway listens on all interfaces and has no option for another address. Loaded before it (node --require),
// this has every server of the process listen on loopback alone.
const net = require("node:net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const options = typeof first === "object" && first !== null ? first : { port: Number(first) };
  const callback = rest.find((value) => typeof value === "function");
  return listen.call(this, { ...options, host: "127.0.0.1" }, callback);
};
