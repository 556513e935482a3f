// Requests to the server. What it refuses becomes an Error with its sentence.

async function answered(response) {
  const record = await response.json().catch(() => null);
  if (response.ok && record !== null) return record;
  const wrong = new Error(record?.error?.message ?? `The server answers with ${response.status}.`);
  wrong.status = response.status;
  throw wrong;
}

async function request(path, options) {
  let response;
  try { response = await fetch(path, options); } catch { throw new Error("The server does not answer. Is it still running?"); }
  return answered(response);
}

export const get = (path) => request(path);

export const post = (path, record) =>
  request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(record) });

export const send = (path, file) => request(path, { method: "POST", body: file });

// What takes long is asked for again until it is there.
export async function patiently(ask) {
  for (;;) {
    try { return await ask(); } catch (wrong) {
      if (wrong.status !== 503) throw wrong;
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}
