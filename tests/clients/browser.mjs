// A browser without JavaScript for the clients of others: cookies, redirects, forms by the names of their fields.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** A package that tests/setup installed. */
export async function installed(name) {
  const require = createRequire(`${process.env.WHORL_CLIENTS}/node_modules/`);
  return import(pathToFileURL(require.resolve(name)).href);
}

/** What the test says, from standard input. */
export async function input() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
}

/** The test's answer: the last line. */
export function answer(value) {
  console.log(JSON.stringify(value));
}

export class Browser {
  #cookies = new Map();

  constructor(person) {
    this.person = person;
  }

  async #send(url, options = {}) {
    const headers = { cookie: [...this.#cookies].map(([n, v]) => `${n}=${v}`).join("; ") };
    if (options.body) headers.origin = new URL(url).origin;
    const response = await fetch(url, { ...options, redirect: "manual", headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      this.#cookies.set(name, value);
    }
    return response;
  }

  /** Opens a URL, logs in and allows what is asked, until it is sent to the client: the URL there, or the form. */
  async login(url, callback) {
    let response = await this.#send(url);
    for (let step = 0; step < 20; step += 1) {
      const location = response.headers.get("location");
      if (location) {
        const next = new URL(location, response.url || url);
        if (next.href.startsWith(callback)) return { url: next };
        url = next.href;
        response = await this.#send(next);
        continue;
      }
      const page = await response.text();
      const form = this.#form(page, url);
      if (!form) throw new Error(`${response.status} at ${url}: ${page.replace(/<[^>]*>/g, " ").slice(0, 600)}`);
      if (form.action.startsWith(callback)) return { url: new URL(callback), body: form.body };
      url = form.action;
      response = await this.#send(form.action, { method: "POST", body: form.body });
    }
    throw new Error(`too many steps, at ${url}`);
  }

  /** The form to fill in: the one that asks for what the person has, else the first. */
  #form(page, base) {
    const forms = [...page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head, inside]) => {
      const body = new URLSearchParams();
      for (const [, input] of inside.matchAll(/<input\b([^>]*)>/g)) {
        const name = attribute(input, "name");
        if (name) body.append(name, attribute(input, "value") ?? "");
      }
      const button = /<button\b([^>]*\bname="[^>]*)>/.exec(inside);
      if (button) body.append(attribute(button[1], "name"), attribute(button[1], "value") ?? "");
      return { action: new URL(attribute(head, "action"), base).href, body };
    });
    for (const field of ["password", "otp", "username"]) {
      const form = forms.find(({ body, action }) => body.has(field) && !action.includes("/choose"));
      if (form && this.person[field] !== undefined) {
        form.body.set(field, this.person[field]);
        return form;
      }
    }
    return forms[0];
  }
}

function attribute(tag, name) {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(tag);
  return found?.[1]
    .replaceAll("&#60;", "<").replaceAll("&#62;", ">").replaceAll("&#34;", '"').replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&#38;", "&").replaceAll("&amp;", "&");
}
