/**
 * Why a page can't connect, for whoever builds it: a browser tells a page nothing about a refused socket, so this asks
 * the server and names what to change in the console.
 */

const names = (sentence) => console.error(`parlance: ${sentence}`);

/** The page's own policy can refuse too; browsers tell that as an event. */
export function watchPolicy({ origin, socket }) {
  const ours = [origin, new URL(socket).origin];
  document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
    if (!ours.some((one) => blockedURI.startsWith(one))) return;
    names(
      `this page's Content-Security-Policy (${effectiveDirective}) refused ${blockedURI}. ` +
        `Allow it: connect-src ${ours.join(" ")}`,
    );
  });
}

/** @param {{about: string, origin: string}} addresses */
export async function explain({ about, origin }) {
  try {
    const answer = await fetch(about, { credentials: "omit", cache: "no-store" });
    const { allowed } = await answer.json();
    if (allowed === false) {
      names(
        `${origin} does not let pages of ${location.origin} connect. Add that origin to the server's setting ` +
          `allowed_origins, such as PARLANCE_ALLOWED_ORIGINS='["${location.origin}"]'`,
      );
    }
  } catch {
    // no network, or a server that is away: the state says so
  }
}
