/* SPDX-License-Identifier: MIT */
/*
 * The one script: it asks for the page again and puts in place what has changed, element by element, so
 * that nothing flickers and the reader's place, choice and selection stay. It stops while nobody looks,
 * and says since when no answer came. A page of another version is loaded as a whole, because the
 * policy of this one knows only the hashes of this one.
 *
 * 5 s: what an operator who looks on takes for "now", and 10 kB/s at most. 8 s are more than any
 * answer takes from a Pi that is well.
 *
 * Who changes it lets test-page say the new PAGE_SCRIPT_HASH.
 */
#include "notifiers/page_parts.h"

/* clang-format off */
const char page_script[] =
	"(()=>{'use strict';"
	"const d=document,by=(id,n=d)=>n.getElementById(id),gone=by('gone'),every=5000;"
	"let last=new Date(),timer=0,asking=false;"
	/* What somebody is about to copy stays until he is done. */
	"const held=e=>{const s=getSelection();return !s.isCollapsed&&s.containsNode(e,true)};"
	"const take=text=>{"
	"const n=new DOMParser().parseFromString(text,'text/html');"
	"if(!by('state',n))throw Error('not the page');"
	"for(const t of['style','script'])"
	"if(n.querySelector(t).textContent!==d.querySelector(t).textContent)return location.reload();"
	"for(const old of d.querySelectorAll('[data-live]')){const e=by(old.id,n);"
	"if(e&&!held(old)&&e.outerHTML!==old.outerHTML)old.replaceWith(d.adoptNode(e))}"
	"const word=by('word').textContent;"
	"if(d.title!==n.title){by('said').textContent=word;d.title=n.title;"
	"by('icon').href=by('icon',n).href}"
	"last=new Date();gone.hidden=true;d.body.classList.remove('gone')};"
	"const lost=()=>{if(!gone.hidden)return;"
	"gone.textContent='Not answering since '+last.toLocaleTimeString()+' by the clock of this device. "
	"What stands below is from then.';gone.hidden=false;d.body.classList.add('gone')};"
	"const ask=async()=>{if(asking||d.hidden)return;asking=true;clearTimeout(timer);"
	"const stop=new AbortController(),limit=setTimeout(()=>stop.abort(),8000);"
	"try{const r=await fetch(location.pathname+location.search,{cache:'no-store',signal:stop.signal,"
	"headers:{Accept:'text/html'}});"
	"if(!r.ok)throw Error(r.status);take(await r.text())}catch{lost()}"
	"clearTimeout(limit);asking=false;timer=setTimeout(ask,every)};"
	"d.addEventListener('visibilitychange',ask);timer=setTimeout(ask,every)})()";
/* clang-format on */
