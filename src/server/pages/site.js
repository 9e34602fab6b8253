// What the pages do beyond being pages: they keep themselves up to date, follow logs, and know keys.
// Everything that they show and every action is there without this file.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // --- theme: dark, light, or what the system says; a cookie, so that the server writes it ---------

  const themes = ["", "dark", "light"];
  // A page that came without a look at the cookie: one that refuses, for instance.
  const kept = /(?:^|; )theme=(dark|light)/.exec(document.cookie);
  if (kept) root.dataset.theme = kept[1];
  const themeButton = find("#theme-button");
  const showTheme = () => {
    const now = root.dataset.theme || "";
    themeButton.textContent = now === "" ? "Auto" : now === "dark" ? "Dark" : "Light";
    themeButton.setAttribute("aria-label", "Theme: " + (now === "" ? "as the system" : now));
  };
  const nextTheme = () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "") + 1) % themes.length];
    if (next) {
      root.dataset.theme = next;
    } else {
      delete root.dataset.theme;
    }
    document.cookie = "theme=" + next + "; path=/; SameSite=Lax; max-age=" + (next ? 31536000 : 0);
    showTheme();
  };
  themeButton.hidden = false;
  themeButton.addEventListener("click", nextTheme);
  showTheme();

  // --- times --------------------------------------------------------------------------------------

  const since = (seconds) => {
    if (seconds < 60) return "just now";
    if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
    if (seconds < 86400) return Math.floor(seconds / 3600) + " h ago";
    if (seconds < 7 * 86400) return Math.floor(seconds / 86400) + " d ago";
    return null;
  };
  const lasted = (seconds) => {
    if (seconds < 60) return seconds.toFixed(0) + "s";
    const pad = (number) => String(number).padStart(2, "0");
    if (seconds < 3600) return Math.floor(seconds / 60) + "m " + pad(Math.floor(seconds % 60)) + "s";
    return Math.floor(seconds / 3600) + "h " + pad(Math.floor((seconds % 3600) / 60)) + "m";
  };
  const tick = () => {
    for (const time of all("time[datetime]")) {
      const text = since((Date.now() - Date.parse(time.dateTime)) / 1000);
      const shown = text || time.title.slice(0, 16);
      if (time.textContent !== shown) time.textContent = shown;
    }
    for (const span of all("[data-since]")) {
      span.textContent = lasted(Math.max(0, (Date.now() - Number(span.dataset.since)) / 1000));
    }
  };
  tick();
  setInterval(tick, 1000);

  // --- live: the page is fetched again when the server says so, and what differs is exchanged -----

  const liveSign = find("#live");
  const seen = new Map();
  const remember = (page) => all("[data-live]", page).forEach((part) => seen.set(part.id, part.innerHTML));
  const exchange = (fresh) => {
    for (const part of all("[data-live]", fresh)) {
      const here = document.getElementById(part.id);
      if (!here || seen.get(part.id) === part.innerHTML) continue;
      seen.set(part.id, part.innerHTML);
      // What a person has opened, chosen or typed into stays as it is.
      const open = all("details[open]", here).map((details) => details.id).filter(Boolean);
      const form = here.contains(document.activeElement) &&
        /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
      if (form) {
        seen.delete(part.id);
        continue;
      }
      const focused = here.contains(document.activeElement) ? document.activeElement : null;
      const focusKey = focused && (focused.id ? "#" + CSS.escape(focused.id)
        : focused.getAttribute("href") ? "a[href=\"" + CSS.escape(focused.getAttribute("href")) + "\"]" : "");
      here.innerHTML = part.innerHTML;
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (focusKey) find(focusKey, here)?.focus({preventScroll: true});
    }
    document.title = fresh.title;
    tick();
  };
  let fetching = false;
  let again = false;
  const refresh = async () => {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      const answer = await fetch(location.href, {headers: {"X-Live": "1"}, cache: "no-store"});
      if (answer.ok) exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The server is away for a moment; the event stream comes again, and tells.
    }
    fetching = false;
    if (again) {
      again = false;
      later();
    }
  };
  // Many open pages do not come at the same moment.
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 100 + Math.random() * 400);
  };

  // Each wait is longer than the one before: a server that starts again has many pages waiting.
  const listen = (address, names, onState) => {
    let source = null;
    let wait = 1000;
    let url = address();
    let closed = false;
    const connect = () => {
      source = new EventSource(url);
      source.onopen = () => {
        wait = 1000;
        onState(true);
      };
      source.onerror = () => {
        onState(false);
        if (source.readyState !== EventSource.CLOSED || closed) return;
        setTimeout(() => { if (!closed) { url = address(); connect(); } }, wait);
        wait = Math.min(wait * 2, 30000);
      };
      for (const [name, handler] of Object.entries(names)) source.addEventListener(name, handler);
    };
    connect();
    const close = () => {
      closed = true;
      source.close();
    };
    addEventListener("pagehide", close);
    return close;
  };

  if (document.body.dataset.events) {
    remember(document);
    listen(() => document.body.dataset.events, {change: (event) => {
      const url = new URL(document.body.dataset.events, location.href);
      url.searchParams.set("seen", event.data);
      document.body.dataset.events = url.pathname + url.search;
      later();
    }}, (open) => { liveSign.hidden = !open; });
  }

  // --- a run's graph, where it is wider than the window: the stage that counts is in sight ---------

  const graph = find("#run-graph");
  const stage = graph && find(".node.failed, .node.interrupted, .node.running", graph);
  if (stage) {
    const [box, node] = [graph, stage].map((element) => element.getBoundingClientRect());
    graph.scrollLeft = node.left - box.left - (box.width - node.width) / 2;
  }

  // --- logs ---------------------------------------------------------------------------------------

  const log = find("#log");
  const kMostLines = 5000;
  const chosenLines = () => {
    const match = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
    if (!match) return null;
    const first = Number(match[1]);
    const last = Number(match[2] || match[1]);
    return [Math.min(first, last), Math.max(first, last)];
  };
  const lineOf = (element) => Number(element.id.slice(1));
  const markLines = (scroll) => {
    if (!log) return;
    all(".chosen", log).forEach((line) => line.classList.remove("chosen"));
    const range = chosenLines();
    if (!range) return;
    const first = document.getElementById("L" + range[0]);
    if (!first) {
      // Not in this window: the server knows which one has it.
      const line = range[0] === range[1] ? range[0] : range[0] + "-" + range[1];
      const url = new URL(location.href);
      if (url.searchParams.get("line") !== String(line)) {
        url.search = "?line=" + line;
        location.replace(url);
      }
      return;
    }
    for (const line of log.children) {
      const number = lineOf(line);
      if (number >= range[0] && number <= range[1]) line.classList.add("chosen");
    }
    if (scroll) first.scrollIntoView({block: "center"});
  };
  if (log) {
    log.addEventListener("click", (event) => {
      const link = event.target.closest(".l > a");
      if (!link) return;
      event.preventDefault();
      const number = lineOf(link.parentElement);
      const range = chosenLines();
      const hash = event.shiftKey && range ? "#L" + Math.min(range[0], number) + "-L" + Math.max(range[0], number)
        : "#L" + number;
      const url = new URL(location.href);
      url.search = hash.includes("-") ? "?line=" + hash.replace(/#?L/g, "").replace(/^#/, "") : "?line=" + number;
      url.hash = hash;
      history.replaceState(null, "", url);
      markLines(false);
    });
    addEventListener("hashchange", () => markLines(true));
    markLines(true);
  }

  // Following: the end stays in sight while it is in sight.
  const followButton = find("#follow");
  let following = true;
  const nearEnd = () => innerHeight + scrollY >= document.body.scrollHeight - 120;
  const toEnd = () => scrollTo({top: document.body.scrollHeight});
  const setFollowing = (on) => {
    following = on;
    followButton.setAttribute("aria-pressed", String(on));
    followButton.textContent = on ? "Following" : "Follow";
    if (on) toEnd();
  };
  if (log && log.dataset.follow) {
    followButton.hidden = false;
    followButton.addEventListener("click", () => setFollowing(!following));
    addEventListener("scroll", () => {
      if (following && !nearEnd()) setFollowing(false);
    }, {passive: true});
    let next = Number(new URL(log.dataset.follow, location.href).searchParams.get("line"));
    const close = listen(() => {
      const url = new URL(log.dataset.follow, location.href);
      url.searchParams.set("line", next);
      return url.pathname + url.search;
    }, {
      lines: (event) => {
        const template = document.createElement("template");
        template.innerHTML = event.data;
        for (const line of [...template.content.children]) {
          if (lineOf(line) < next) line.remove();
        }
        if (!template.content.lastElementChild) return;
        next = lineOf(template.content.lastElementChild) + 1;
        log.append(template.content);
        log.classList.remove("hollow");
        find("#log-empty")?.remove();
        while (log.children.length > kMostLines) log.firstElementChild.remove();
        const total = find("#log-total");
        if (total) total.textContent = next - 1;
        if (following) toEnd();
      },
      gap: (event) => {
        const [from, until] = event.data.split(" ").map(Number);
        if (until <= next) return;
        const gap = document.createElement("div");
        gap.className = "gap";
        const link = document.createElement("a");
        link.href = "?from=" + from;
        link.textContent = (until - from) + " lines were left out while following";
        gap.append(link);
        log.append(gap);
        next = until;
      },
      end: () => {
        close();
        followButton.hidden = true;
        liveSign.hidden = true;
        // Its state and time, and the last lines as the server has them.
        fetch(location.pathname).then((answer) => answer.text()).then((text) => {
          const fresh = new DOMParser().parseFromString(text, "text/html");
          const head = find("#log-head", fresh);
          if (head) find("#log-head").innerHTML = head.innerHTML;
        }).catch(() => {});
      },
    }, (open) => { liveSign.hidden = !open; });
    setFollowing(!location.hash);
  }

  // Searching what is shown, while one types; Enter asks the server for the whole log.
  const logSearch = log && find("[data-search]");
  let hits = [];
  let hit = -1;
  const showHit = (step) => {
    if (hits.length === 0) return false;
    // Backwards from nowhere is the last.
    hit = hit < 0 && step < 0 ? hits.length - 1 : (hit + step + hits.length) % hits.length;
    hits[hit].scrollIntoView({block: "center"});
    find("#log-hits").textContent = (hit + 1) + " of " + hits.length + " lines shown here";
    return true;
  };
  if (logSearch) {
    logSearch.addEventListener("input", () => {
      const wanted = logSearch.value.toLowerCase();
      hits.forEach((line) => line.classList.remove("hit"));
      hits = wanted ? [...log.children].filter((line) =>
        line.lastElementChild.textContent.toLowerCase().includes(wanted)) : [];
      hits.forEach((line) => line.classList.add("hit"));
      hit = -1;
      find("#log-hits").textContent = wanted
        ? hits.length + (hits.length === 1 ? " line" : " lines") + " shown here; Enter searches the whole log" : "";
    });
  }

  // --- keys ---------------------------------------------------------------------------------------

  const keys = find("#keys");
  const keysButton = find("#keys-button");
  keysButton.hidden = false;
  keysButton.addEventListener("click", () => keys.showModal());

  // Runs, steps, and lines that were found in a log; what is folded away cannot have the focus.
  const rows = () => all("[data-rows] .title[href], [data-matches] .l > a")
    .filter((link) => !link.closest("details:not([open])"));
  const move = (step) => {
    const links = rows();
    if (links.length === 0) return;
    const from = document.activeElement;
    const at = links.indexOf(from);
    // From something else that has the focus: the nearest behind it, or before it.
    const beyond = (link) => from.compareDocumentPosition(link) &
      (step > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING);
    const near = at < 0 && from !== document.body ? links.filter(beyond) : [];
    const next = near.length > 0 ? near.at(step > 0 ? 0 : -1)
      : links[at < 0 ? (step > 0 ? 0 : links.length - 1)
        : Math.min(Math.max(at + step, 0), links.length - 1)];
    next.focus();
    next.scrollIntoView({block: "nearest"});
  };
  const places = {o: "/", q: "/queue", d: "/deliveries"};
  let going = 0;
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select") || keys.open) return;
    const key = event.key;
    if (Date.now() - going < 1000 && places[key]) {
      location.assign(places[key]);
      return;
    }
    going = 0;
    if (key === "g") {
      going = Date.now();
    } else if (key === "/") {
      const search = find("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (key === "j" || key === "k") {
      const step = key === "j" ? 1 : -1;
      if (!showHit(step)) move(step);
    } else if (key === "t") {
      nextTheme();
    } else if (key === "f" && log && log.dataset.follow && !followButton.hidden) {
      setFollowing(!following);
    } else if (key === "?") {
      keys.showModal();
    }
  });
})();
