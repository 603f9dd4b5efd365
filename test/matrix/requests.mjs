/**
 * How many requests a client may need through Toolgate for connect, list and one call: as many as directly. At a server
 * over HTTP+SSE the client speaks Streamable HTTP to Toolgate: there as many as it needs directly over that, if those
 * are more. `rows` are all rows; undefined where the client counts none.
 */
export const requestsAllowed = ({ client, transport, requests }, rows) => {
  const overHttp = rows
    .filter((row) => transport === 'sse' && row.client === client && row.transport === 'http')
    .map((row) => row.requests.direct ?? 0);
  return requests.direct === undefined ? undefined : Math.max(requests.direct, ...overHttp);
};

/** The fault of a client that needs more requests through Toolgate; undefined where it needs none more. */
export const requestFault = (row, rows) => {
  const allowed = requestsAllowed(row, rows);
  return allowed === undefined || row.requests.client <= allowed
    ? undefined
    : { step: 'requests', direct: allowed, through: row.requests.client };
};
