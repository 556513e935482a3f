// Requests to the server. A refusal becomes an Error with the server's sentence and its HTTP status.

const RETRY_AFTER = 1000; // milliseconds

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const record = await response.json().catch(() => null);
  if (response.ok && record !== null) return record;
  const error = new Error(record?.error?.message ?? `The server answered with status ${response.status}.`);
  error.status = response.status;
  throw error;
}

export const get = (path) => request(path);

export const post = (path, record) =>
  request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(record),
  });

export const upload = (path, file) => request(path, { method: "POST", body: file });

export const getItems = async (rows) => (rows.length ? get(`/items?rows=${rows.join(",")}`) : []);

// Repeats a request until the server has computed the result.
export async function retryWhileBusy(send) {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (error.status !== 503) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
    }
  }
}
