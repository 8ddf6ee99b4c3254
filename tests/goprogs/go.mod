module gotape.test/goprogs

go 1.21
