embed-nothing = There is nothing to give for here just now.
embed-window = Links open in a new window.
