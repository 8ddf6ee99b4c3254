module example.com/gotape/dep

go 1.21
