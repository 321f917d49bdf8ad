// @ts-check

/**
 * The portal's JSON API.
 *
 * A session that ends in the middle is not an error for the caller: the request waits until the person has signed in
 * again, then it is made once more.
 */

/** A refusal of the service; `message` is a sentence for the person. */
export class RefusedError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {any} body */
  constructor(status, code, message, body) {
    super(message);
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

/** The service did not answer, or answered that it cannot now: the same request may be made again. */
export class UnreachableError extends Error {}

const TIMEOUT_MS = 20_000;

/** @typedef {{page: string, offer: string, flow_definition: string}} Offer */

export class Api {
  #csrfToken = "";
  /** @type {Promise<void> | null} */
  #signingIn = null;

  /** @param {() => Promise<void>} signInAgain shows the sign-in and resolves when it has succeeded */
  constructor(signInAgain) {
    this.signInAgain = signInAgain;
  }

  /** @param {string} username @param {string} password */
  async signIn(username, password) {
    const session = await this.#send("POST", "login", { username, password });
    this.#csrfToken = session.body.csrf_token;
    return session.body.worker;
  }

  /**
   * How people sign in here.
   * @returns {Promise<{password: boolean, oidc: {name: string, url: string} | null}>}
   */
  async signInMethods() {
    return (await this.#send("GET", "sign-in-methods")).body;
  }

  /** The worker who is signed in, or null. */
  async session() {
    try {
      const session = await this.#send("GET", "session");
      this.#csrfToken = session.body.csrf_token;
      return session.body.worker;
    } catch (error) {
      if (error instanceof RefusedError && error.status === 401) return null;
      throw error;
    }
  }

  /** @param {string} current @param {string} fresh */
  async changePassword(current, fresh) {
    await this.#request("PUT", "password", { current, new: fresh });
  }

  async signOut() {
    await this.#send("POST", "logout", {});
    this.#csrfToken = "";
  }

  async queue() {
    return (await this.#request("GET", "queue")).body;
  }

  /**
   * What the worker finished today, the last one first.
   * @param {string | null} [before] where the page before ended
   * @returns {Promise<{tasks: any[], before: string | null}>}
   */
  async history(before = null) {
    return (await this.#request("GET", before ? `history?before=${encodeURIComponent(before)}` : "history")).body;
  }

  /**
   * @param {{flow_definition?: string, human_loop?: string}} wanted
   * @returns {Promise<{task: any} | {task: null, reason: string, retryAfter: number}>}
   */
  async claim(wanted) {
    const { status, body, headers } = await this.#request("POST", "tasks/claim", wanted);
    return status === 204 ? { task: null, ...whyNothing(headers) } : { task: body };
  }

  /**
   * Claim as many tasks as a grid shows; those that are held already are the first of them.
   * @param {string} flowDefinition
   * @returns {Promise<{tasks: any[]} | {tasks: null, reason: string, retryAfter: number}>}
   */
  async claimGrid(flowDefinition) {
    const wanted = { flow_definition: flowDefinition };
    const { status, body, headers } = await this.#request("POST", "tasks/claim-grid", wanted);
    return status === 204 ? { tasks: null, ...whyNothing(headers) } : { tasks: body.tasks };
  }

  /**
   * The page of the task that would come next, which is not claimed by this, and the token that claims it.
   * @param {{flow_definition?: string}} wanted
   * @returns {Promise<Offer | null>}
   */
  async offer(wanted) {
    const { status, body } = await this.#request("POST", "tasks/offer", wanted);
    return status === 204 ? null : body;
  }

  /** @returns {Promise<{notices: boolean, notified_by: string[], task: Record<string, any>}>} */
  async preferences() {
    return (await this.#request("GET", "preferences")).body;
  }

  /** @param {{notices?: boolean, task?: object}} changed each part as a whole */
  async savePreferences(changed) {
    return (await this.#request("PUT", "preferences", changed)).body;
  }

  /** What templates keep, by flow definition. @returns {Promise<Record<string, Record<string, any>>>} */
  async templatePreferences() {
    return (await this.#request("GET", "template-preferences")).body.flow_definitions;
  }

  /** @param {string} flowDefinition @param {object} changes null forgets a value @returns {Promise<Record<string, any>>} what is kept now */
  async changeTemplatePreferences(flowDefinition, changes) {
    const changed = { flow_definition: flowDefinition, changes };
    return (await this.#request("PATCH", "template-preferences", changed)).body.preferences;
  }

  async forgetTemplatePreferences() {
    await this.#request("DELETE", "template-preferences");
  }

  /** @param {string} id */
  async task(id) {
    return (await this.#request("GET", `tasks/${encodeURIComponent(id)}`)).body;
  }

  /**
   * The page of a task, as text for its frame; null if it did not come.
   * @param {string} frameUrl
   * @returns {Promise<string | null>}
   */
  async taskPage(frameUrl) {
    try {
      return await (await fetch(frameUrl, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) })).text();
    } catch {
      return null;
    }
  }

  /** @param {string} id @param {object} answer @param {number} version @returns {Promise<number>} the next version */
  async saveDraft(id, answer, version) {
    return (await this.#request("PUT", `tasks/${encodeURIComponent(id)}/draft`, { answer, version })).body.version;
  }

  /**
   * @param {string} id
   * @param {"heartbeat" | "extend" | "submit" | "undo" | "release" | "decline"} what
   * @param {object} [body]
   */
  async act(id, what, body = {}) {
    return (await this.#request("POST", `tasks/${encodeURIComponent(id)}/${what}`, body)).body;
  }

  /** @returns {Promise<{teams: any[]}>} */
  async teams() {
    return (await this.#request("GET", "teams")).body;
  }

  /** @param {URLSearchParams} wanted `flow_definition` or `team`, and `days` */
  async report(wanted) {
    return (await this.#request("GET", `report?${wanted}`)).body;
  }

  /**
   * @param {URLSearchParams} wanted `name`, `status`, `flow_definition`
   * @param {number | null} [before] where the page before ended
   * @returns {Promise<{loops: any[], before: number | null}>}
   */
  async loops(wanted, before = null) {
    const page = new URLSearchParams(wanted);
    if (before !== null) page.set("before", String(before));
    return (await this.#request("GET", `loops?${page}`)).body;
  }

  /** @param {string} name @param {string | null} region */
  async loop(name, region) {
    const query = region ? `?${new URLSearchParams({ region })}` : "";
    return (await this.#request("GET", `loops/${encodeURIComponent(name)}${query}`)).body;
  }

  /** Address of a list as a file. @param {"report" | "loops"} what @param {URLSearchParams} wanted */
  csvOf(what, wanted) {
    return `/portal/api/${what}.csv?${wanted}`;
  }

  /**
   * @param {"stop" | "requeue"} what
   * @param {string[]} names
   * @param {string | null} region
   * @returns {Promise<any[]>} what came of each
   */
  async actOnLoops(what, names, region) {
    return (await this.#request("POST", `loops/${what}`, { names, region })).body.results;
  }

  /** @param {string} id */
  async requeueTask(id) {
    await this.#request("POST", `tasks/${encodeURIComponent(id)}/requeue`, {});
  }

  /** @param {string} id @param {string} username */
  async reassignTask(id, username) {
    await this.#request("POST", `tasks/${encodeURIComponent(id)}/reassign`, { username });
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async #request(method, path, body) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#send(method, path, body);
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        if (error.status === 401) await this.#waitForSignIn();
        // Another tab has signed in since: its session has another token.
        else if (error.status === 403 && attempt === 0) await this.session();
        else throw error;
      }
    }
  }

  #waitForSignIn() {
    this.#signingIn ??= this.signInAgain().finally(() => (this.#signingIn = null));
    return this.#signingIn;
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async #send(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (method !== "GET") headers["X-CSRF-Token"] = this.#csrfToken;
    if (body) headers["Content-Type"] = "application/json";
    let response;
    let text;
    try {
      response = await fetch(`/portal/api/${path}`, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      throw new UnreachableError(String(error));
    }
    const parsed = parse(text);
    if (response.status >= 500 || response.status === 408) throw new UnreachableError(parsed?.error?.message ?? "");
    if (!response.ok) {
      const { code = "", message = response.statusText } = parsed?.error ?? {};
      throw new RefusedError(response.status, code, message, parsed);
    }
    return { status: response.status, headers: response.headers, body: parsed };
  }
}

/** Why a claim found nothing. @param {Headers} headers */
function whyNothing(headers) {
  return {
    reason: headers.get("X-Review-Desk-Reason") ?? "empty",
    retryAfter: Number(headers.get("Retry-After")) || 0,
  };
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
