-- Numbers for chapters, sections, figures, tables and equations, and references to them.
local shapes = require 'shapes'
local M = {}
local names = {fig = 'Figure', tbl = 'Table', eq = 'Equation', sec = 'Section'}

local function kind(id)
  local prefix = id and id:match('^(%a+)%-')
  return prefix and names[prefix] and prefix
end
M.kind = kind

local function register(book, id, what)
  local first = book.labels[id]
  if first then
    book.fault(id, 'is defined twice; the first stands in ' .. book.sources[first.file]
      .. '. Labels are unique in the whole book')
  end
  what.file, what.id = book.here, id
  book.labels[id] = what
end

-- Alternative text of every image in `blocks`, or a fault that names `label`.
local function require_alt(book, label, blocks)
  return blocks:walk{Image = function(image)
    if not image.attributes['fig-alt'] or image.attributes['fig-alt'] == '' then
      book.fault(label ~= '' and label or image.src,
        'has no alternative text; say in fig-alt what the picture shows')
      image.attributes['fig-alt'] = '?'
    end
    return image
  end}
end

function M.number(book, chapter, blocks)
  local counts, sections, titles, number = {}, {}, 0, nil

  local function count(k)
    counts[k] = (counts[k] or 0) + 1
    return number and number .. '.' .. counts[k] or tostring(counts[k])
  end

  local function caption_of(figure)
    return figure.caption.long[1] and figure.caption.long[1].content or pandoc.Inlines{}
  end

  local function title(header)
    titles = titles + 1
    counts, sections, number = {}, {}, nil
    if book.numbered and not header.classes:includes('unnumbered') then
      local key = chapter.kind == 'appendix' and 'appendices' or 'chapters'
      book[key] = (book[key] or 0) + 1
      number = key == 'appendices' and string.char(64 + book[key]) or tostring(book[key])
    end
    return number
  end

  local function section(header)
    if not number or header.level > book.depth or header.classes:includes('unnumbered') then
      return nil
    end
    sections[header.level] = (sections[header.level] or 0) + 1
    for level = header.level + 1, 6 do sections[level] = nil end
    local n = number
    for level = 2, header.level do n = n .. '.' .. (sections[level] or 0) end
    return n
  end

  -- ::: {#fig-x} or {#tbl-x}: the caption is a marked div or else the last paragraph.
  local function float(div, k)
    local id, body, caption, panels = div.identifier, pandoc.Blocks{}, pandoc.Inlines{}, 0
    local n = count(k)
    register(book, id, {kind = k, number = n})
    for i, block in ipairs(div.content) do
      local last = i == #div.content
      if block.t == 'Div' and block.classes:includes('float-caption') then
        caption = pandoc.utils.blocks_to_inlines(block.content)
      elseif last and i > 1 and block.t == 'Para' and block.content[1].t ~= 'Image' then
        caption = block.content
      elseif block.t == 'Figure' and kind(block.identifier) == k then
        panels = panels + 1
        local letter = string.char(96 + panels)
        register(book, block.identifier, {kind = k, number = n .. '\u{a0}(' .. letter .. ')'})
        body:insert(pandoc.Div(shapes.float(book, {id = block.identifier, kind = k, panel = letter,
          body = require_alt(book, block.identifier, block.content), caption = caption_of(block)})))
      elseif block.t == 'Figure' then body:extend(require_alt(book, id, block.content))
      elseif block.t == 'Table' then block.caption = {long = {}}; body:insert(block)
      else body:insert(block) end
    end
    if k == 'fig' then body = require_alt(book, id, body) end
    body = shapes.columns(book, body, div.attributes['layout-ncol'])
    return shapes.float(book, {id = id, kind = k, name = names[k], number = n, body = body,
      caption = caption}), false
  end

  local filter = {traverse = 'topdown'}
  function filter.Header(header)
    if header.classes:includes('title') then return header, false end  -- of a callout or a tab
    local text = header.content
    local n = header.level == 1 and title(header)
    if header.level > 1 then n = section(header) end
    header.attributes.number = n or nil
    if kind(header.identifier) == 'sec' then
      register(book, header.identifier,
        {kind = 'sec', number = n, level = header.level, appendix = chapter.kind == 'appendix',
         title = text})
    end
    return header, false
  end
  function filter.Figure(figure)
    local k, id = kind(figure.identifier), figure.identifier
    local body = require_alt(book, id, figure.content)
    if k ~= 'fig' then
      return shapes.float(book, {id = id, kind = 'fig', body = body, caption = caption_of(figure)}),
        false
    end
    local n = count(k)
    register(book, id, {kind = k, number = n})
    return shapes.float(book, {id = id, kind = k, name = names[k], number = n, body = body,
      caption = caption_of(figure)}), false
  end
  function filter.Table(tbl)
    local id, caption = tbl.identifier, caption_of(tbl)
    if #caption == 0 and id == '' then return tbl, false end
    tbl.identifier, tbl.caption = '', {long = {}}
    local n
    if kind(id) == 'tbl' then
      n = count('tbl')
      register(book, id, {kind = 'tbl', number = n})
    end
    return shapes.float(book, {id = id, kind = 'tbl', name = n and names.tbl, number = n,
      body = pandoc.Blocks{tbl}, caption = caption}), false
  end
  function filter.Div(div)
    for _, class in ipairs(div.classes) do
      if class:match('^callout%-') or class == 'panel-tabset' then
        div.content = div.content:map(function(block)
          if block.t == 'Header' then block.classes:insert('title') end
          return block
        end)
        return div
      end
    end
    local k = kind(div.identifier)
    if k == 'fig' or k == 'tbl' then return float(div, k) end
  end
  function filter.Inlines(inlines)
    local changed = false
    for i = #inlines, 1, -1 do
      local math, mark = inlines[i], inlines[i + 1]
      local space = mark and (mark.t == 'Space' or mark.t == 'SoftBreak')
      if space then mark = inlines[i + 2] end
      local id = math.t == 'Math' and mark and mark.t == 'Str' and mark.text:match('^{#(eq%-[^}]+)}')
      if id then
        local rest = mark.text:gsub('^{#[^}]+}', '')
        inlines[i] = pandoc.Span({math}, pandoc.Attr(id, {'equation'}))
        inlines:remove(i + 1)
        if space then inlines:remove(i + 1) end
        if rest ~= '' then inlines:insert(i + 1, pandoc.Str(rest)) end
        changed = true
      end
    end
    return changed and inlines or nil
  end
  function filter.Span(span)
    if not span.classes:includes('equation') then return nil end
    local n = count('eq')
    register(book, span.identifier, {kind = 'eq', number = n})
    return shapes.equation(book, span.identifier, n, span.content[1]), false
  end

  blocks = blocks:walk(filter)
  if titles ~= 1 then
    book.fault('', 'has ' .. titles .. ' titles; one `# Title {#sec-name}` a chapter is wanted')
  end
  return blocks
end

-- `@fig-x`, `[Fig. -@fig-x]`, `[@fig-x; @fig-y]`, `-@fig-x`: links; other citations stay.
function M.references(book)
  local function text(label, citation)
    local n = label.number
    if not n then return label.title end
    if #citation.prefix > 0 then
      return citation.prefix .. pandoc.Inlines{pandoc.Str('\u{a0}' .. n)}
    elseif citation.mode == 'SuppressAuthor' then return pandoc.Inlines{pandoc.Str(n)} end
    local name = names[label.kind]
    if label.kind == 'sec' and label.level == 1 then
      name = label.appendix and 'Appendix' or 'Chapter'
    end
    return pandoc.Inlines{pandoc.Str(name .. '\u{a0}' .. n)}
  end
  return {
    Cite = function(cite)
      local out, others = pandoc.Inlines{}, 0
      for _, citation in ipairs(cite.citations) do
        local id = citation.id:gsub('^%u', string.lower)
        if not kind(id) then
          others = others + 1
          table.insert(book.cited, {id = citation.id, file = book.here})
        else
          local label = book.labels[id]
          if #out > 0 then out:extend{pandoc.Str(','), pandoc.Space()} end
          if label then
            out:insert(pandoc.Link(text(label, citation), '#' .. id, '',
              pandoc.Attr('', {'crossref'})))
          else book.fault('@' .. id, 'is referred to but defined nowhere') end
        end
      end
      if others == 0 then return out end
      if others < #cite.citations then
        book.fault('@' .. cite.citations[1].id, 'stands in one bracket with a reference of another '
          .. 'kind; citations and cross references want brackets of their own')
      end
    end,
    Str = function(str)
      if str.text:match('^{{<') then
        book.fault(str.text, 'is a shortcode, which this book does not use')
      elseif str.text:match('^{#%a+%-.*}$') then
        book.fault(str.text, 'labels nothing; it follows a figure, a table or an equation')
      end
    end,
  }
end

return M
